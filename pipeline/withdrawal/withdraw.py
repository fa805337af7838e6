"""`emo withdraw`: plan, erase, prove and report the withdrawal of a subject."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ingest.enrol import RESUMES, sweep
from pipeline.runtime.errors import disk_errors
from pipeline.runtime.paths import (
    CENSUS,
    CLIPS,
    DECISIONS,
    FUNNEL,
    METRICS,
    PARTICIPANTS,
    SPLIT,
    VIDEOS,
    WITHDRAWALS,
)
from pipeline.runtime.text import one_line
from pipeline.schema.clips import read_clips
from pipeline.versions.dvc_lock import POINTER
from pipeline.versions.git import Repository
from pipeline.withdrawal.erase import erase
from pipeline.withdrawal.plan import STATE, Plan, make_plan, save, with_fingerprints
from pipeline.withdrawal.prove import prove
from pipeline.withdrawal.report import Outcome, report_path, write_report
from pipeline.withdrawal.stores import Stores, Unreached, locked_project


@dataclass(frozen=True)
class Stored:
    """What one of DVC's stores holds of the subject."""

    store: str
    objects: int
    size_bytes: int


@dataclass(frozen=True)
class Preview:
    """What would be erased."""

    plan: Plan
    stores: tuple[Stored, ...]
    unreached: tuple[Unreached, ...]


def preview(subject: str) -> Preview:
    """Find everything that the project holds of a subject; nothing is changed."""
    with locked_project() as (_, stores):
        plan = make_plan(subject, Repository(Path.cwd()), stores)
        counted, failed = _count_objects(stores, plan)
        return Preview(plan, tuple(counted), (*stores.unreached, *failed))


def withdraw(subject: str) -> Outcome:
    """Erase everything that the project holds of a subject, prove it, and write a report.

    Can be run again after an interruption, for a remote that did not answer, or in another clone: finished
    work is kept. Raises EmoError for an unknown subject, before anything is changed.
    """
    repository = Repository(Path.cwd())
    with disk_errors("withdrawal", RESUMES), locked_project() as (dvc, stores):
        _remove_unfinished_files()
        plan = with_fingerprints(make_plan(subject, repository, stores), stores)
        save(plan, done=False)  # from here on, the tables no longer list the subject's files
        erasure = erase(plan, stores)
        note = _update_dvc(dvc)
        outcome = Outcome(
            plan=plan,
            erased=erasure.places,
            unreached=(*stores.unreached, *erasure.failed),
            linked=erasure.linked,
            proof=prove(plan, erasure.finished, repository),
            note=note,
            history=_missing_history(repository),
        )
        write_report(outcome, repository)
        save(plan, done=outcome.ok)  # last, so that a finished withdrawal always has its report
    return outcome


def to_commit(subject: str) -> list[str]:
    """Return the files to commit after an erasure, including deleted ones."""
    repository = Repository(Path.cwd())
    tables = (PARTICIPANTS, CLIPS, DECISIONS, WITHDRAWALS, POINTER, SPLIT, CENSUS, FUNNEL, METRICS)
    paths = (*tables, report_path(subject))
    if repository.has_commits:
        return repository.changed(paths)
    return [str(path) for path in paths if path.is_file()]


def _count_objects(stores: Stores, plan: Plan) -> tuple[list[Stored], list[Unreached]]:
    """Count the subject's objects in each store; return also the stores that failed."""
    found, failed = [], []
    for store in stores:
        try:
            present = store.present(plan.objects)
            found.append(Stored(store.name, len(present), sum(store.size(md5) for md5 in present)))
        except Exception as error:  # every kind of storage raises errors of its own
            failed.append(Unreached(store.name, one_line(error)))
    return found, failed


def _remove_unfinished_files() -> None:
    """Remove the temporary files of interrupted runs, which may name the subject."""
    sweep()
    for folder in (SPLIT.parent, FUNNEL.parent, STATE, STATE.parent, report_path("").parent):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def _update_dvc(dvc: Any) -> str:
    """Let DVC track the recordings that are left; return a note if it cannot."""
    dvc.drop_data_index()  # DVC's own copy of the lists of folders
    missing = [clip.video for clip in read_clips() if not (VIDEOS / clip.video).is_file()]
    if missing:  # `dvc add` would remove recordings that are not checked out from the next version
        return (
            f"{VIDEOS}: {len(missing)} recordings of other subjects are missing; run `dvc pull {POINTER}`, "
            f"then `dvc add {VIDEOS}`, so that the next version no longer lists the erased recordings"
        )
    if VIDEOS.is_dir():
        dvc.scm_context.quiet = True  # no hints on what to commit
        try:
            dvc.add(VIDEOS.as_posix())
        except Exception as error:  # an error of DVC must not prevent the proof
            return f"{VIDEOS}: `dvc add {VIDEOS}` failed ({one_line(error)}); fix this and rerun it"
    return ""


def _missing_history(repository: Repository) -> str:
    """Return why versions of the project may be missing here; empty if all are known."""
    if not repository.is_shallow:
        return ""
    return f"this clone lacks older commits, whose data were not searched for{repository.cut_note}"
