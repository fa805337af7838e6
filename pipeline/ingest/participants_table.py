"""--participants: sex and age from a BIDS participants.tsv, or any table with subject, sex and age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ingest.names import normal, subject_id
from pipeline.ingest.user_tables import read_table
from pipeline.runtime.errors import EmoError

_SEXES = {
    "F": ("f", "female", "w", "woman", "weiblich"),
    "M": ("m", "male", "man", "männlich"),
    "X": ("x", "o", "other", "d", "diverse", "nonbinary", "non binary", "intersex"),
    "": ("", "n/a", "na", "nan", "unknown", "?"),
}
_UNKNOWN = _SEXES[""]
_CONSENTED = ("given", "yes", "y", "true", "1")

_SUBJECT_COLUMNS = ("participant_id", "subject", "subject_id", "participant", "id")
_SEX_COLUMNS = ("sex", "gender")


@dataclass(frozen=True)
class ParticipantRow:
    """One row of a participants table."""

    where: str
    "File and line; starts messages."
    sex: str
    "F, M, X, or empty."
    age: float | None
    "Years."
    refuses: bool = False
    "Whether the table has a column `consent` and consent is not given."


@dataclass(frozen=True)
class ParticipantsTable:
    """The rows of a participants table. Subjects match with or without the `sub-` of BIDS."""

    path: Path
    rows: Mapping[str, ParticipantRow]
    "By subject id, without `sub-`."

    def get(self, subject: str) -> ParticipantRow | None:
        """Return the row of a subject, or None."""
        return self.rows.get(_without_prefix(subject))

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
    rows: dict[str, ParticipantRow] = {}
    for line, record in read_table(path, _Columns):
        where = f"{path}: line {line}"
        columns = {name.strip().lower(): value.strip() for name, value in record.extra.items()}
        code = _first(columns, _SUBJECT_COLUMNS)
        if code is None:
            raise EmoError(
                f"{path}: line 1: missing column 'participant_id' (or 'subject'); "
                f"columns: {', '.join(columns)}"
            )
        subject = _without_prefix(subject_id(normal(code), where))
        if subject in rows:
            raise EmoError(f"{where}: duplicate row for {code!r}; keep one row for each participant")
        rows[subject] = _row(where, columns)
    return ParticipantsTable(path, rows)


def read_sex(text: str) -> str:
    """Return F, M, X or empty for the various spellings of sex and gender; raise ValueError for others."""
    word = " ".join(text.replace("-", " ").lower().split())
    for sex, spellings in _SEXES.items():
        if word in spellings:
            return sex
    raise ValueError(f"sex: {text!r} is not one of F, M, X (female, male, other), empty or n/a")


def _row(where: str, columns: Mapping[str, str]) -> ParticipantRow:
    consent = columns.get("consent", "").lower()
    try:
        return ParticipantRow(
            where=where,
            sex=read_sex(_first(columns, _SEX_COLUMNS) or ""),
            age=_age(columns.get("age", "")),
            refuses=consent not in (*_UNKNOWN, *_CONSENTED),
        )
    except ValueError as error:
        raise EmoError(f"{where}: {error}") from None


def _age(text: str) -> float | None:
    """Return years; BIDS caps high ages as `89+`."""
    if text.lower() in _UNKNOWN:
        return None
    try:
        age = float(text.removesuffix("+").strip())
    except ValueError:
        raise ValueError(f"age: {text!r} is not a number of years or n/a") from None
    if not 0 <= age <= 130:
        raise ValueError(f"age: {text} is not within 0..130 years")
    return age


def _first(columns: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def _without_prefix(subject: str) -> str:
    return subject.removeprefix("sub-")
