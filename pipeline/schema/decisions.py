"""raw/decisions.csv: what raters decided about clips: excluded, included again, relabelled, and why.

The ledger is in Git and only ever grows: a decision is corrected by a later one. Decisions are keyed by the
SHA-256 of the recording and by seconds, so they hold with any settings and after a new enrolment.
`pipeline.schema.ledger` says what holds.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pipeline.runtime.csv_files import format_csv, parse_rows, read_table_text
from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import write_text
from pipeline.runtime.paths import DECISIONS
from pipeline.schema.expressions import check_label
from pipeline.schema.participants import check_id

EXCLUDE, INCLUDE, RELABEL = ACTIONS = ("exclude", "include", "relabel")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One row of raw/decisions.csv: a rater's decision about a clip, or about a stretch of a recording."""

    decision: int
    "1, 2, 3 ... in the order of entry, never reused; numbers are missing where a participant withdrew."
    recording: str
    "SHA-256 of the recording's content, 64 hexadecimal digits."
    clip: str
    "Id of the clip when it was decided."
    start_s: float | None
    "Start of the stretch, seconds of the recording; None: the whole clip."
    end_s: float | None
    "End of the stretch, seconds of the recording, exclusive; None: the whole clip."
    action: str
    "One of ACTIONS."
    value: str
    "The new expression of a relabelled clip, else empty."
    reason: str
    "Why, in one line; names no person."
    rater: str
    "Code of the person who decided; may be empty."
    date: str
    "Day of the decision, YYYY-MM-DD."
    extra: dict[str, str] = field(default_factory=dict, compare=False)
    "Further columns, kept as they are."

    def __post_init__(self) -> None:
        if self.decision < 1:
            raise ValueError(f"decision: {self.decision} is not 1 or more")
        if not re.fullmatch(r"[0-9a-f]{64}", self.recording):
            raise ValueError(f"recording: {self.recording!r} is not a SHA-256 of 64 hexadecimal digits")
        check_id("clip", self.clip)
        check_stretch(self.start_s, self.end_s)
        check_action(self.action, self.value, is_stretch=self.start_s is not None)
        check_line("reason", self.reason)
        if self.rater:
            check_line("rater", self.rater)
        check_date(self.date)

    @property
    def decides_label(self) -> bool:
        """Whether it decides the label of a clip, and not whether the clip is in the dataset."""
        return self.action == RELABEL

    @property
    def is_stretch(self) -> bool:
        """Whether it is about a stretch of the recording, not about a whole clip."""
        return self.start_s is not None


def check_stretch(start_s: float | None, end_s: float | None) -> None:
    """Raise ValueError unless both times are empty, or 0 <= start < end and both are finite."""
    if start_s is None and end_s is None:
        return
    if start_s is None or end_s is None:
        raise ValueError("start_s and end_s: one is empty; give both, or neither for the whole clip")
    if not 0 <= start_s < end_s or not math.isfinite(end_s):
        raise ValueError(f"start_s {start_s:g} and end_s {end_s:g} are not 0 <= start < end")


def check_action(action: str, value: str, *, is_stretch: bool) -> None:
    """Raise ValueError unless the action is known and has the value and the stretch that it may have."""
    if action not in ACTIONS:
        raise ValueError(f"action: {action!r} is not one of {', '.join(ACTIONS)}")
    if action != RELABEL:
        if value:
            raise ValueError(f"value: {value!r}, but only `{RELABEL}` has a value")
        return
    check_label("value", value)
    if is_stretch:
        raise ValueError("a whole clip has one label; exclude the stretch instead (`emo exclude`)")


def check_line(name: str, text: str) -> None:
    """Raise ValueError unless the text is one line that is not empty."""
    if not text.strip():
        raise ValueError(f"{name}: empty; give it in one line")
    if not text.isprintable():
        raise ValueError(f"{name}: {text!r} is not one line of plain text")


def check_date(text: str) -> None:
    """Raise ValueError unless the text is a day, YYYY-MM-DD."""
    try:
        is_day = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_day = False
    if not is_day:
        raise ValueError(f"date: {text!r} is not a day, YYYY-MM-DD")


def read_decisions(path: Path = DECISIONS) -> list[Decision]:
    """Read and check raw/decisions.csv, in the order of entry; a missing file has no decisions."""
    return parse_decisions(read_table_text(path), str(path)) if path.is_file() else []


def parse_decisions(text: str, where: str) -> list[Decision]:
    """Parse the text of a ledger; raise EmoError, starting with `where`, if its numbers do not ascend."""
    rows = parse_rows(text, Decision, where=where)
    last = 0
    for line, row in rows:
        if row.decision <= last:
            raise EmoError(
                f"{where}: line {line}: decision {row.decision} follows decision {last}; the ledger only "
                "grows: restore earlier rows as they were (`git checkout -- raw/decisions.csv`), and after a "
                f"merge put the rows of the other branch last, numbered from {last + 1}"
            )
        last = row.decision
    return [row for _, row in rows]


def format_decisions(decisions: Sequence[Decision]) -> str:
    """Return the CSV text of a ledger, in the order of entry."""
    return format_csv(decisions, Decision, keep_order=True)


def write_decisions(decisions: Sequence[Decision], path: Path = DECISIONS) -> None:
    """Write a ledger atomically."""
    write_text(path, format_decisions(decisions))


def create_ledger(path: Path = DECISIONS) -> bool:
    """Write a ledger without decisions if there is none, since stages depend on it; return whether it did."""
    if path.exists():
        return False
    write_decisions([], path)
    return True
