"""Step 2, erase: rewrite the text tables, then delete the files and objects that the plan lists."""

import contextlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.runtime.csv_files import read_csv, write_csv
from pipeline.runtime.dvc_hash import FOLDER_SUFFIX, listing_bytes
from pipeline.runtime.paths import (
    CENSUS,
    CLIPS,
    DECISIONS,
    FUNNEL,
    PARTICIPANTS,
    SPLIT,
    VIDEOS,
    WITHDRAWALS,
    WITHDRAWALS_COPY,
)
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import one_line
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip, read_clips
from pipeline.schema.decisions import Decision, read_decisions, write_decisions
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.participants import WITHDRAWN, Participant, read_participants
from pipeline.schema.split import SplitRow
from pipeline.schema.withdrawals import Withdrawal, read_withdrawn
from pipeline.withdrawal.find.files import HeldFile
from pipeline.withdrawal.find.objects import ListedObjects, parsed_listing
from pipeline.withdrawal.plan import Plan
from pipeline.withdrawal.stores import Store, Stores, Unreached
from pipeline.withdrawal.subject import Subject


@dataclass(frozen=True)
class Erased:
    """What was deleted in one place."""

    place: str
    files: int
    "Files or objects deleted."
    size_bytes: int
    lists: int = 0
    "Lists of folders from which the subject's files were removed."


@dataclass(frozen=True)
class Erasure:
    """What was deleted everywhere."""

    places: tuple[Erased, ...]
    finished: tuple[Store, ...]
    "Stores in which everything was deleted."
    failed: tuple[Unreached, ...]
    "Stores that failed before everything was deleted."
    linked: tuple[Path, ...]
    "Deleted files that still exist under another name on this disk, as `emo ingest --link` makes them."


def erase(plan: Plan, stores: Stores) -> Erasure:
    """Erase what the plan lists. A second run deletes what is left.

    Raises EmoError, before anything is changed, if a text table cannot be read.
    """
    write_tables(plan.subject, plan.listed)
    links = _HardLinks()
    places = [_erase_files("workspace", plan.workspace, links), _erase_files("cache", plan.cache, links)]
    finished, failed = [], []
    for store in stores:
        try:
            places.append(_erase_objects(store, plan, links))
            finished.append(store)
        except Exception as error:  # every kind of storage raises errors of its own
            failed.append(Unreached(store.name, f"failed before all was deleted: {one_line(error)}"))
    return Erasure(tuple(places), tuple(finished), tuple(failed), tuple(links.elsewhere()))


# --- Text tables ------------------------------------------------------------------------------------


def write_tables(subject: Subject, listed: ListedObjects) -> None:
    """Record the withdrawal and remove the subject's rows from every text table. A second run changes
    nothing.

    All tables are read before one is written: raises EmoError, and changes nothing, if one cannot be read.
    """
    tables = list(_tables_without(subject))
    decisions = [row for row in read_decisions() if not _is_about(row, subject)]
    withdrawals = _withdrawals(subject, listed)
    for path in (WITHDRAWALS_COPY, WITHDRAWALS):
        write_csv(path, withdrawals, Withdrawal)
    for path, rows, record in tables:
        write_csv(path, rows, record)
    if DECISIONS.is_file():
        write_decisions(decisions)


def _tables_without(subject: Subject) -> Iterator[tuple[Path, Sequence[Any], type]]:
    """Yield (path, rows, record) of each table as it will be."""
    yield PARTICIPANTS, _participants(subject), Participant
    clips = read_clips() if CLIPS.is_file() else []
    yield CLIPS, [clip for clip in clips if clip.subject != subject.code], Clip
    for path, record in ((SPLIT, SplitRow), (CENSUS, CensusRow), (FUNNEL, FunnelRow)):
        if path.is_file():
            rows: Sequence[Any] = read_csv(path, record)
            yield path, [row for row in rows if row.subject != subject.code], record


def _is_about(decision: Decision, subject: Subject) -> bool:
    """Whether a decision is about a recording of the subject, also one that is enrolled no longer."""
    return decision.recording in subject.recordings or decision.clip in subject.clips


def _participants(subject: Subject) -> list[Participant]:
    """Return all participants, the subject with what is kept; also if the row was removed by hand."""
    participants = read_participants()
    if subject.code in {row.subject for row in participants}:
        return [_kept(row) if row.subject == subject.code else row for row in participants]
    taken = {row.enrolled for row in participants}
    if not subject.enrolled or subject.enrolled in taken or subject.enrolled > max(taken, default=0) + 1:
        return participants  # an older version, from before the subject was enrolled
    return [*participants, Participant(subject.code, subject.sex, None, WITHDRAWN, subject.enrolled)]


def _kept(participant: Participant) -> Participant:
    """Return what is kept of a participant who withdrew: code, sex and number in the order of enrolment.

    The split of every later subject depends on how many of each sex were enrolled before, and must not
    change. Sex and number identify no person.
    """
    extra = dict.fromkeys(participant.extra, "")
    return replace(participant, age=None, consent=WITHDRAWN, consent_source="", extra=extra)


def _withdrawals(subject: Subject, listed: ListedObjects) -> set[Withdrawal]:
    """Return all rows of raw/withdrawn.csv; the subject's with the MD5 by which DVC names the recordings."""
    md5s = {
        subject.sources[name]: md5
        for files in listed.folders.values()
        for name, md5 in files.items()
        if name in subject.videos and name in subject.sources
    }
    rows = [Withdrawal(subject.code, digest, md5s.get(digest, "")) for digest in subject.recordings or {""}]
    found: dict[tuple[str, str], Withdrawal] = {}
    for row in (*rows, *read_withdrawn()):
        key = (row.subject, row.sha256)
        found[key] = max(row, found.get(key, row), key=lambda one: one.md5)
    known = {row.subject for row in found.values() if row.sha256}
    return {row for row in found.values() if row.sha256 or row.subject not in known}


# --- Files and objects ------------------------------------------------------------------------------


@dataclass
class _HardLinks:
    """Counts the names of each deleted file: DVC, the cache and `emo ingest --link` make hard links."""

    left: dict[tuple[int, int], int] = field(default_factory=dict)
    "Device and inode -> names that were not deleted."
    paths: dict[tuple[int, int], Path] = field(default_factory=dict)
    "Device and inode -> a deleted name."

    def delete(self, path: Path) -> int:
        """Delete one name; return the file's length, 0 if it is gone already."""
        with contextlib.suppress(FileNotFoundError):
            info = path.lstat()
            path.unlink()
            inode = (info.st_dev, info.st_ino)
            self.left[inode] = self.left.get(inode, info.st_nlink) - 1
            self.paths.setdefault(inode, path)
            return info.st_size
        return 0

    def elsewhere(self) -> list[Path]:
        """Return the deleted files that still exist under a name that was not found."""
        return sorted(self.paths[inode] for inode, count in self.left.items() if count > 0)


def _erase_files(place: str, held: Sequence[HeldFile], links: _HardLinks) -> Erased:
    """Delete files, and the folders below raw/videos that become empty."""
    size_bytes = 0
    with progress_bar(place, len(held)) as advance:
        for item in held:
            size_bytes += links.delete(item.path)
            advance()
    for folder in sorted((path for path in VIDEOS.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return Erased(place, len(held), size_bytes)


def _erase_objects(store: Store, plan: Plan, links: _HardLinks) -> Erased:
    """Delete the subject's objects from a store, and remove them from its lists of folders."""
    present = store.present(plan.objects)
    size_bytes = 0
    with progress_bar(store.name, len(present)) as advance:
        for md5 in present:
            size_bytes += _delete(store, md5, links)
            advance()
    known = (md5 for md5 in plan.listed.objects if md5.endswith(FOLDER_SUFFIX))
    lists = store.listings() if store.folder else store.present(known)
    return Erased(
        store.name, len(present), size_bytes, sum(_shorten(store, md5, plan.objects) for md5 in lists)
    )


def _delete(store: Store, md5: str, links: _HardLinks) -> int:
    """Delete an object; return its length."""
    if path := store.path(md5):
        return links.delete(path)
    size_bytes = store.size(md5)
    store.delete(md5)
    return size_bytes


def _shorten(store: Store, md5: str, erased: Container[str]) -> bool:
    """Remove the erased files from a list of a folder; return whether it had any.

    DVC restores a folder only if every file in its list exists. Without these lines, all other files can be
    checked out; `dvc status` reports the folder as modified, which it is.
    """
    files = parsed_listing(store.read(md5) or b"") or {}
    kept = {name: entry for name, entry in files.items() if entry not in erased}
    if len(kept) == len(files):
        return False
    store.replace(md5, listing_bytes(kept))
    return True
