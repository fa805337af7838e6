"""`emo withdraw`: what would go is shown, then it goes, everywhere, and that is proved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.ingest.enrol import disk_errors, exclusive, sweep
from pipeline.runtime.paths import CENSUS, CLIPS, FUNNEL, METRICS, PARTICIPANTS, SPLIT, VIDEOS, WITHDRAWALS
from pipeline.schema.clips import read_clips
from pipeline.versions.dvc_lock import POINTER
from pipeline.versions.git import Repository
from pipeline.withdrawal.erase import Names, erase_files, erase_stores
from pipeline.withdrawal.outcome import Outcome, Preview, Stored
from pipeline.withdrawal.plan import STATE, Plan, make_plan, save, with_fingerprints
from pipeline.withdrawal.prove import prove
from pipeline.withdrawal.report import report_path, write_report
from pipeline.withdrawal.stores import Store, Unreached, cache_of, dvc_at_rest, one_line, remotes_of
from pipeline.withdrawal.tables import write_withdrawal


def preview(subject: str) -> Preview:
    """Find all that the project holds of a subject; nothing is changed."""
    with dvc_at_rest() as repo:
        cache = cache_of(repo)
        remotes, unreached = remotes_of(repo)
        plan = make_plan(subject, Repository(Path.cwd()), cache, remotes)
        stores, failed = _look_into([cache, *remotes], plan)
    return Preview(plan, tuple(stores), (*unreached, *failed))


def withdraw(subject: str) -> Outcome:
    """Erase all that the project holds of a subject, prove it, and write a report.

    Can be run again after an interruption, for a remote that did not answer, or in another clone: what is
    done stays done. Raises EmoError for an unknown subject, before anything is changed.
    """
    repository = Repository(Path.cwd())
    with disk_errors("withdrawal"), exclusive(), dvc_at_rest() as repo:
        _sweep()
        cache = cache_of(repo)
        remotes, unreached = remotes_of(repo)
        stores = [cache, *remotes]
        plan = with_fingerprints(make_plan(subject, repository, cache, remotes), stores)
        save(plan, done=False)  # from here on the tables no longer tell what the person's files are called
        write_withdrawal(plan.person, plan.named)
        names = Names()
        erased = [erase_files("workspace", plan.workspace, names), erase_files("memo", plan.memo, names)]
        in_stores, reached, failed = erase_stores(stores, plan, names)
        repo.drop_data_index()  # DVC's own copy of the lists that were mended
        note = _track(repo)
        outcome = Outcome(
            plan=plan,
            erased=(*erased, *in_stores),
            unreached=(*unreached, *failed),
            linked=tuple(names.elsewhere()),
            note=note,
            history=_history_note(repository),
            proof=prove(plan, reached, repository),
        )
        write_report(outcome, repository)
        save(plan, done=outcome.ok)  # last: what is done has its report
    return outcome


def to_commit(subject: str) -> list[str]:
    """Return the files that are to be committed after an erasure, deleted ones too."""
    repository = Repository(Path.cwd())
    paths = (PARTICIPANTS, CLIPS, WITHDRAWALS, POINTER, SPLIT, CENSUS, FUNNEL, METRICS, report_path(subject))
    if repository.has_commits:
        return repository.changed(paths)
    return [str(path) for path in paths if path.is_file()]


def _sweep() -> None:
    """Remove half-written files that a killed run left: they would name the person for ever."""
    sweep()
    for folder in (SPLIT.parent, FUNNEL.parent, STATE, STATE.parent, report_path("").parent):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def _track(repo: Any) -> str:
    """Let DVC track what is left of raw/videos; return a note where it cannot."""
    missing = [clip.video for clip in read_clips() if not (VIDEOS / clip.video).is_file()]
    if missing:  # `dvc add` would take what is not checked out out of the next version
        return (
            f"{VIDEOS}: {len(missing)} recordings of others are not here; run `dvc pull {POINTER}`, then "
            f"`dvc add {VIDEOS}`, so that the next version no longer lists the person's"
        )
    if VIDEOS.is_dir():
        repo.scm_context.quiet = True  # no advice on what to commit
        try:
            repo.add(VIDEOS.as_posix())
        except Exception as error:  # whatever ails DVC must not keep the proof from being made
            return f"{VIDEOS}: `dvc add {VIDEOS}` failed ({one_line(error)}); mend that and run it"
    return ""


def _history_note(repository: Repository) -> str:
    """Return why versions of the project may be missing here; empty where none are."""
    return (
        "this clone lacks older commits, whose data were not looked for" + repository.cut_note
        if (repository.is_shallow)
        else ""
    )


def _look_into(stores: Sequence[Store], plan: Plan) -> tuple[list[Stored], list[Unreached]]:
    found, failed = [], []
    for store in stores:
        try:
            present = store.present(plan.objects)
            found.append(Stored(store.name, len(present), sum(store.size(md5) for md5 in present)))
        except Exception as error:  # every kind of storage fails in its own way
            failed.append(Unreached(store.name, one_line(error)))
    return found, failed
