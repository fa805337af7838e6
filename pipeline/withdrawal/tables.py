"""Taking a person out of the text tables, and leaving the mark that they withdrew."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.dataset import CensusRow, SplitRow
from pipeline.core.enrolment import WITHDRAWN, Clip, Participant, read_clips, read_participants
from pipeline.core.paths import (
    CENSUS,
    CLIPS,
    FUNNEL,
    PARTICIPANTS,
    SPLIT,
    WITHDRAWALS,
    WITHDRAWALS_COPY,
)
from pipeline.core.tables import read_csv, write_csv
from pipeline.core.withdrawn import Withdrawal, read_withdrawn
from pipeline.stages.dataset import FunnelRow
from pipeline.withdrawal.person import Person


def tombstone(person: Participant) -> Participant:
    """Return what stays of a participant who withdrew: the code, and their place in the order.

    Sex stays too: the split of everybody who was enrolled later depends on how many of each sex came
    before, and nobody may move between splits. With the number it tells nobody from anybody.
    """
    empty = dict.fromkeys(person.extra, "")
    return replace(person, age=None, consent=WITHDRAWN, extra=empty)


def write_withdrawal(person: Person) -> None:
    """Write the withdrawal into every text table; run again, it changes nothing."""
    _write_ledger(person)
    people = read_participants()
    marked = [tombstone(p) if p.subject == person.subject else p for p in people]
    write_csv(PARTICIPANTS, marked, Participant)
    clips = read_clips() if CLIPS.is_file() else []
    write_csv(CLIPS, [clip for clip in clips if clip.subject != person.subject], Clip)
    for path, record in ((SPLIT, SplitRow), (CENSUS, CensusRow), (FUNNEL, FunnelRow)):
        if path.is_file():
            rows: Sequence[Any] = read_csv(path, record)
            write_csv(path, [row for row in rows if row.subject != person.subject], record)


def _write_ledger(person: Person) -> None:
    """Add the recordings to the list of what must not come back, in Git and beside it."""
    rows = {Withdrawal(person.subject, digest) for digest in person.recordings or {""}}
    for path in (WITHDRAWALS, WITHDRAWALS_COPY):
        write_csv(path, rows | read_withdrawn(), Withdrawal)
