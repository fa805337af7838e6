"""--participants: sex, age and consent from a BIDS participants.tsv, or any table with such columns."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ingest.names import normal, subject_id
from pipeline.ingest.user_tables import read_table
from pipeline.ingest.words import column_name, consent_like, is_opposite, read_age, read_consent, read_sex
from pipeline.runtime.errors import EmoError

__all__ = ["ParticipantRow", "ParticipantsTable", "consent_like", "read_participants_table", "read_sex"]

_COLUMNS = {
    "subject": ("participantid", "subject", "subjectid", "participant", "id", "code"),
    "sex": ("sex", "gender", "geschlecht", "sexe", "sexo"),
    "age": ("age", "alter", "edad"),
    "consent": ("consent",),
}
"""What is read -> the names of its column, without case, blanks, - and _; the first that is there is read."""

_CONSENT_DETAILS = ("date", "version")
"""Ends of the names of columns that give details beside a column `consent`; they are listed as not read."""


@dataclass(frozen=True)
class ParticipantRow:
    """One row of a participants table."""

    where: str
    "File and line; starts messages."
    sex: str
    "F, M, X, or empty."
    age: float | None
    "Years."
    consent: str = ""
    "given, unknown, refused, or empty if the row states nothing."
    code: str = ""
    "Subject as written."


@dataclass(frozen=True)
class ParticipantsTable:
    """The rows of a participants table. Subjects match with or without the `sub-` of BIDS."""

    path: Path
    rows: Mapping[str, ParticipantRow]
    "By subject id, without `sub-`."
    not_read: tuple[str, ...] = ()
    "Names of the columns that emo does not read."

    def get(self, subject: str) -> ParticipantRow | None:
        """Return the row of a subject, or None."""
        return self.rows.get(_without_prefix(subject))

    def similar(self, subject: str) -> ParticipantRow | None:
        """Return the only row whose code differs from a subject's in zeros, case and `sub-`: 1 for 001."""
        wanted = _without_zeros(subject)
        rows = [row for name, row in self.rows.items() if _without_zeros(name) == wanted]
        return rows[0] if len(rows) == 1 else None

    def others(self, subjects: set[str]) -> list[str]:
        """Return the subjects of the table that are not among `subjects`."""
        known = {_without_prefix(subject) for subject in subjects}
        return [subject for subject in self.rows if subject not in known]


@dataclass(frozen=True)
class _Columns:
    """Any row: the columns have various names."""

    extra: dict[str, str] = field(default_factory=dict)


def read_participants_table(path: Path) -> ParticipantsTable:
    """Read a participants table; raises EmoError with line, column and value."""
    records = read_table(path, _Columns)
    names = [name for name in records[0][1].extra if name.strip()] if records else []
    columns = _find_columns(path, names) if records else {}
    rows: dict[str, ParticipantRow] = {}
    for line, record in records:
        where = f"{path}: line {line}"
        cells = {key: record.extra[name].strip() for key, name in columns.items()}
        subject = _without_prefix(_subject(cells["subject"], where))
        if subject in rows:
            code = cells["subject"]
            raise EmoError(f"{where}: duplicate row for {code!r}; keep one row for each participant")
        rows[subject] = _row(where, cells)
    not_read = tuple(name for name in names if name not in columns.values())
    return ParticipantsTable(path, rows, not_read)


def check_no_consent(path: Path, columns: Iterable[str]) -> None:
    """Raise EmoError if a manifest has a column about consent, which it cannot state."""
    for column in consent_like(columns):
        raise EmoError(
            f"{path}: line 1: a manifest has no column for consent: state {column!r} in the column 'consent' "
            "of a --participants table, and remove it here"
        )


def _find_columns(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return what is read -> the name of its column; raise EmoError if one is missing or unclear."""
    found: dict[str, str] = {}
    for key, spellings in _COLUMNS.items():
        by_spelling: dict[str, str] = {}
        for name in names:
            other = by_spelling.setdefault(column_name(name), name)
            if other != name and column_name(name) in spellings:
                raise EmoError(f"{path}: line 1: two columns, {other!r} and {name!r}; remove one")
        if spelling := next((one for one in spellings if one in by_spelling), None):
            found[key] = by_spelling[spelling]
    if "subject" not in found:
        raise EmoError(
            f"{path}: line 1: missing column 'participant_id' (or 'subject'); columns: {', '.join(names)}"
        )
    _check_consent_columns(path, names, found.get("consent"))
    return found


def _check_consent_columns(path: Path, names: Sequence[str], read: str | None) -> None:
    """Raise EmoError if a column about consent is not the one that is `read`: it must not be passed over."""
    others = [name for name in consent_like(names) if name != read]
    if read:
        others = [name for name in others if not column_name(name).endswith(_CONSENT_DETAILS)]
    for name in others:
        if is_opposite(name):
            raise EmoError(
                f"{path}: line 1: {name!r} states who did not consent; write a column 'consent' with given, "
                "unknown or withdrawn instead"
            )
        if read:
            raise EmoError(
                f"{path}: line 1: {name!r} and {read!r}: emo reads one column about consent; combine them in "
                "'consent' (given, unknown or withdrawn)"
            )
        raise EmoError(f"{path}: line 1: is {name!r} the column 'consent'? rename it")


def _subject(code: str, where: str) -> str:
    if re.fullmatch(r"\d+[.,]0+", code):
        raise EmoError(
            f"{where}: subject {code!r} is a number that a spreadsheet made of a code; format the column as "
            "text and write the code as the recordings have it"
        )
    return subject_id(normal(code), where)


def _row(where: str, cells: Mapping[str, str]) -> ParticipantRow:
    try:
        return ParticipantRow(
            where=where,
            sex=read_sex(cells.get("sex", "")),
            age=read_age(cells.get("age", "")),
            consent=read_consent(cells.get("consent", "")),
            code=cells["subject"],
        )
    except ValueError as error:
        raise EmoError(f"{where}: {error}") from None


def _without_prefix(subject: str) -> str:
    return subject.removeprefix("sub-")


def _without_zeros(subject: str) -> str:
    """Return a code as it is compared for a hint: S001 and s1 are alike."""
    return re.sub(r"0*(\d+)", r"\1", _without_prefix(subject.lower()))
