"""`emo withdraw`: what would go is shown, then it goes, everywhere, and that is proved."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.enrolment import read_clips
from pipeline.core.paths import CENSUS, CLIPS, FUNNEL, PARTICIPANTS, SPLIT, VIDEOS, WITHDRAWALS
from pipeline.history.git import Repository
from pipeline.history.lock import POINTER
from pipeline.ingest.enrol import disk_faults, exclusive
from pipeline.ingest.track import track_videos
from pipeline.withdrawal.act import Names, erase_files, erase_objects, erase_remotes
from pipeline.withdrawal.outcome import Outcome, Preview, Stored
from pipeline.withdrawal.plan import Plan, forget, make_plan, save, with_fingerprints
from pipeline.withdrawal.proof import prove
from pipeline.withdrawal.report import report_path, write_report
from pipeline.withdrawal.stores import Store, Unreached, cache_of, dvc_at_rest, one_line, remotes_of
from pipeline.withdrawal.tables import write_withdrawal


def preview(subject: str) -> Preview:
    """Find all that the project holds of a subject; nothing is changed."""
    with dvc_at_rest() as repo:
        cache = cache_of(repo)
        plan = make_plan(subject, Repository(Path.cwd()), cache)
        remotes, unreached = remotes_of(repo)
        stores, failed = _look_into([cache, *remotes], plan)
    return Preview(plan, tuple(stores), (*unreached, *failed))


def withdraw(subject: str) -> Outcome:
    """Erase all that the project holds of a subject, prove it, and write a report.

    Can be run again after an interruption, for a remote that did not answer, or in another clone: what is
    done stays done. Raises EmoError for an unknown subject, before anything is changed.
    """
    repository = Repository(Path.cwd())
    with disk_faults("withdrawal"), exclusive():
        with dvc_at_rest() as repo:
            cache = cache_of(repo)
            plan = with_fingerprints(make_plan(subject, repository, cache), cache)
            remotes, unreached = remotes_of(repo)
            save(plan)  # from here on the tables no longer tell what the person's files are called
            write_withdrawal(plan.person)
            names = Names()
            erased = [erase_files("workspace", plan.workspace, names), erase_files("memo", plan.memo, names)]
            erased.append(erase_objects(cache, plan, names))
            on_remotes, reached, failed = erase_remotes(remotes, plan, names)
            repo.drop_data_index()  # DVC's own copy of the lists that were mended
        outcome = Outcome(
            plan=plan,
            erased=(*erased, *on_remotes),
            unreached=(*unreached, *failed),
            linked=tuple(names.elsewhere()),
            note=_track(),
            proof=prove(plan, [cache, *reached], repository),
        )
        write_report(outcome, repository)
    if outcome.ok:
        forget(subject)
    return outcome


def to_commit(subject: str) -> list[str]:
    """Return the files that are to be committed after an erasure."""
    repository = Repository(Path.cwd())
    paths = (PARTICIPANTS, CLIPS, WITHDRAWALS, POINTER, SPLIT, CENSUS, FUNNEL, report_path(subject))
    return repository.changed(paths) if repository.has_commits else [str(path) for path in paths]


def _track() -> str:
    """Let DVC track what is left of raw/videos; return a note where it cannot."""
    missing = [clip.video for clip in read_clips() if not (VIDEOS / clip.video).is_file()]
    if missing:  # `dvc add` would take what is not checked out out of the next version
        return (
            f"{VIDEOS}: {len(missing)} recordings of others are not here; run `dvc pull {POINTER}`, then "
            f"`dvc add {VIDEOS}`, so that the next version no longer lists the person's"
        )
    track_videos()
    return ""


def _look_into(stores: Sequence[Store], plan: Plan) -> tuple[list[Stored], list[Unreached]]:
    found, failed = [], []
    for store in stores:
        try:
            present = store.present(plan.objects)
            found.append(Stored(store.name, len(present), sum(store.size(md5) for md5 in present)))
        except Exception as error:  # every kind of storage fails in its own way
            failed.append(Unreached(store.name, one_line(error)))
    return found, failed
