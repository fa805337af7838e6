"""Taking a person out of the text tables, and leaving the mark that they withdrew."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.runtime.csv_files import read_csv, write_csv
from pipeline.runtime.paths import CENSUS, CLIPS, FUNNEL, PARTICIPANTS, SPLIT, WITHDRAWALS, WITHDRAWALS_COPY
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip, read_clips
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.participants import WITHDRAWN, Participant, read_participants
from pipeline.schema.split import SplitRow
from pipeline.schema.withdrawals import Withdrawal, read_withdrawn
from pipeline.withdrawal.objects import Named
from pipeline.withdrawal.subject import Person


def tombstone(person: Participant) -> Participant:
    """Return what stays of a participant who withdrew: the code, and their place in the order.

    Sex stays too: the split of everybody who was enrolled later depends on how many of each sex came
    before, and nobody may move between splits. With the number it tells nobody from anybody.
    """
    empty = dict.fromkeys(person.extra, "")
    return replace(person, age=None, consent=WITHDRAWN, extra=empty)


def write_withdrawal(person: Person, named: Named) -> None:
    """Write the withdrawal into every text table; run again, it changes nothing.

    All are read before one is written: raises EmoError, and changes nothing, where one is no table.
    """
    tables = list(_tables(person))
    ledger = _ledger(person, named)
    for path in (WITHDRAWALS_COPY, WITHDRAWALS):
        write_csv(path, ledger, Withdrawal)
    for path, rows, record in tables:
        write_csv(path, rows, record)


def _tables(person: Person) -> Iterator[tuple[Path, Sequence[Any], type]]:
    """Yield (path, rows, record) of each table as it will be."""
    yield PARTICIPANTS, _people(person), Participant
    clips = read_clips() if CLIPS.is_file() else []
    yield CLIPS, [clip for clip in clips if clip.subject != person.subject], Clip
    for path, record in ((SPLIT, SplitRow), (CENSUS, CensusRow), (FUNNEL, FunnelRow)):
        if path.is_file():
            rows: Sequence[Any] = read_csv(path, record)
            yield path, [row for row in rows if row.subject != person.subject], record


def _people(person: Person) -> list[Participant]:
    """Return everybody, with the person's tombstone; also where the row was taken out by hand."""
    people = read_participants()
    if person.subject in {other.subject for other in people}:
        return [tombstone(other) if other.subject == person.subject else other for other in people]
    taken = {other.enrolled for other in people}
    if not person.enrolled or person.enrolled in taken or person.enrolled > max(taken, default=0) + 1:
        return people  # an older version, from before the person came
    return [*people, Participant(person.subject, person.sex, None, WITHDRAWN, person.enrolled)]


def _ledger(person: Person, named: Named) -> set[Withdrawal]:
    """Return all rows about who withdrew; the person's with the names that DVC gives the recordings."""
    md5s = {
        person.sources[name]: md5
        for listing in named.lists.values()
        for name, md5 in listing.items()
        if name in person.videos and name in person.sources
    }
    rows = [Withdrawal(person.subject, digest, md5s.get(digest, "")) for digest in person.recordings or {""}]
    found: dict[tuple[str, str], Withdrawal] = {}
    for row in (*rows, *read_withdrawn()):
        key = (row.subject, row.sha256)
        found[key] = max(row, found.get(key, row), key=lambda one: one.md5)
    known = {row.subject for row in found.values() if row.sha256}
    return {row for row in found.values() if row.sha256 or row.subject not in known}
