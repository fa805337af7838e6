"""--participants: who takes part, from a BIDS participants.tsv or any table with subject, sex, age."""

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
_NOT_KNOWN = _SEXES[""]
_CONSENTED = ("given", "yes", "y", "true", "1")

_SUBJECT_COLUMNS = ("participant_id", "subject", "subject_id", "participant", "id")
_SEX_COLUMNS = ("sex", "gender")


@dataclass(frozen=True)
class Person:
    """What a table says about one participant."""

    where: str
    sex: str
    "F, M, X, or empty"
    age: float | None
    "years"
    refuses: bool = False
    "the table has a column `consent`, and it is not given"


@dataclass(frozen=True)
class _Row:
    """Any row: the columns have many names."""

    extra: dict[str, str] = field(default_factory=dict)


class People:
    """The rows of a participants file by subject's id, with or without BIDS's `sub-`."""

    def __init__(self, path: Path, people: dict[str, Person]) -> None:
        self.path = path
        self._people = people

    def get(self, subject: str) -> Person | None:
        """Return the row of a subject, or None."""
        return self._people.get(_bare(subject))

    def others(self, subjects: set[str]) -> list[str]:
        """Return those of the file that are not among `subjects`."""
        known = {_bare(subject) for subject in subjects}
        return [subject for subject in self._people if subject not in known]


def read_people(path: Path) -> People:
    """Read a participants file; raises EmoError with line, column and value."""
    people: dict[str, Person] = {}
    for line, row in read_table(path, _Row):
        where = f"{path}: line {line}"
        columns = {name.strip().lower(): value.strip() for name, value in row.extra.items()}
        code = _value(columns, _SUBJECT_COLUMNS)
        if code is None:
            raise EmoError(
                f"{path}: line 1: missing column 'participant_id' (or 'subject'); "
                f"columns: {', '.join(columns)}"
            )
        subject = _bare(subject_id(normal(code), where))
        if subject in people:
            raise EmoError(f"{where}: {code!r} stands twice; a participant has one row")
        people[subject] = _person(where, columns)
    return People(path, people)


def read_sex(text: str) -> str:
    """Return F, M, X or empty for the many spellings of sex and gender; ValueError for others."""
    word = " ".join(text.replace("-", " ").lower().split())
    for sex, spellings in _SEXES.items():
        if word in spellings:
            return sex
    raise ValueError(f"sex: {text!r} is not one of F, M, X (female, male, other) or empty or n/a")


def _person(where: str, columns: dict[str, str]) -> Person:
    consent = columns.get("consent", "").lower()
    try:
        return Person(
            where=where,
            sex=read_sex(_value(columns, _SEX_COLUMNS) or ""),
            age=_age(columns.get("age", "")),
            refuses=consent not in (*_NOT_KNOWN, *_CONSENTED),
        )
    except ValueError as error:
        raise EmoError(f"{where}: {error}") from None


def _age(text: str) -> float | None:
    """Return years; BIDS caps great ages as `89+`."""
    if text.lower() in _NOT_KNOWN:
        return None
    try:
        age = float(text.removesuffix("+").strip())
    except ValueError:
        raise ValueError(f"age: {text!r} is not a number of years or n/a") from None
    if not 0 <= age <= 130:
        raise ValueError(f"age: {text} is not within 0..130 years")
    return age


def _value(columns: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def _bare(subject: str) -> str:
    return subject.removeprefix("sub-")
