"""What a user asks to record: one decision of a command line, or many of a table."""

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from pipeline.ingest.user_tables import read_table
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed

COLUMNS = ("clip", "start_s", "end_s", "expression", "value", "reason", "rater")
"""Columns that a table may have; `value` is another name of `expression`."""


@dataclass(frozen=True)
class Proposal:
    """A decision that a user asks to record."""

    where: str
    "Start of its error messages: the clip, or file and line."
    action: str
    clip: str
    start_s: float | None = None
    "Seconds of the recording; None: the clip's start."
    end_s: float | None = None
    "Seconds of the recording, exclusive; None: the clip's end."
    value: str = ""
    "The new expression, in any word for it."
    reason: str = ""
    rater: str = ""
    error: str = ""
    "Why the row of a table cannot be read; it is reported with the errors of the other rows."


@dataclass(frozen=True)
class _Row:
    """A row of a table, as text."""

    clip: str
    start_s: str = ""
    end_s: str = ""
    expression: str = ""
    value: str = ""
    reason: str = ""
    rater: str = ""
    extra: dict[str, str] = field(default_factory=dict, compare=False)


def read_proposals(path: Path, action: str, *, reason: str = "", rater: str = "") -> list[Proposal]:
    """Read the decisions of a table: CSV with commas or semicolons, or TSV.

    `reason` and `rater` stand for empty cells. Raises EmoError for a table that cannot be read.
    """
    rows = read_table(path, _Row)
    if not rows:
        raise EmoError(f"{path}: no rows; add one row for each decision: {', '.join(COLUMNS)}")
    _check_columns(path, rows[0][1])
    proposals = [_proposal(f"{path}: line {line}", action, row) for line, row in rows]
    return [replace(one, reason=one.reason or reason, rater=one.rater or rater) for one in proposals]


def _check_columns(path: Path, row: _Row) -> None:
    for column in row.extra:
        near = get_close_matches(column.lower(), COLUMNS, n=1)
        hint = f"is it {near[0]!r}?" if near else f"the columns are {listed(COLUMNS)}"
        raise EmoError(f"{path}: line 1: unknown column {column!r}; {hint}")


def _proposal(where: str, action: str, row: _Row) -> Proposal:
    if row.clip:
        where = f"{where}: {row.clip}"
    value = row.expression or row.value
    try:
        start_s, end_s = _seconds("start_s", row.start_s), _seconds("end_s", row.end_s)
        if row.value and row.value != value:
            raise ValueError(f"expression {row.expression!r} and value {row.value!r} differ; give one")
    except ValueError as error:
        return Proposal(where, action, row.clip, error=str(error))
    return Proposal(where, action, row.clip, start_s, end_s, value, row.reason, row.rater)


def _seconds(name: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"{name}: {text!r} is not a number of seconds, such as 1.5") from None
