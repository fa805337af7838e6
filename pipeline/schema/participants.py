"""raw/participants.csv: the participants, with their consent and order of enrolment."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import check_range
from pipeline.runtime.paths import PARTICIPANTS
from pipeline.runtime.text import counted, listed
from pipeline.schema.image_subjects import check_stands_for, stands_for_image
from pipeline.schema.withdrawals import read_withdrawn

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Pattern of the ids of subjects and clips."""


SEXES = ("F", "M", "X", "")

GIVEN, UNKNOWN, WITHDRAWN = "given", "unknown", "withdrawn"

CONSENTS = (GIVEN, UNKNOWN, WITHDRAWN)

FROM_TABLE, FROM_OPTION, VIRTUAL = "table", "option", "virtual"
"""Sources of consent: a --participants table, `--consent given`, the demo's virtual participants."""

NOTED, REQUIRED = "noted", "required"
"""Values of `dataset: consent` in params.yaml: unknown consent is reported, or excludes the subject."""


@dataclass(frozen=True)
class Participant:
    """One row of raw/participants.csv."""

    subject: str
    "Pseudonymous code, unique also without regard to case."
    sex: str
    "F, M, X, or empty if it is not known."
    age: float | None
    "Age in years."
    consent: str
    "Consent: given, unknown or withdrawn. It is given only if it was stated."
    enrolled: int
    "1, 2, 3 ... in the order of first enrolment, never reused."
    consent_source: str = ""
    """Where it is stated that consent is given: `table`, `option`, `virtual`, or a note by hand. Empty if
    consent is not given, or if an earlier version of emo assumed that it is."""
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_id("subject", self.subject)
        if self.sex not in SEXES:
            raise ValueError(f"sex: {self.sex!r} is not one of F, M, X or empty")
        if self.consent not in CONSENTS:
            raise ValueError(f"consent: {self.consent!r} is not one of {', '.join(CONSENTS)}")
        if self.enrolled < 1:
            raise ValueError(f"enrolled: {self.enrolled} is not 1 or more")
        if self.age is not None:
            check_range("age", self.age, 0, 130)
        check_stands_for(self.extra)

    @property
    def is_consent_assumed(self) -> bool:
        """Whether consent is listed as given, but not where that is stated."""
        return self.consent == GIVEN and not self.consent_source

    @property
    def is_image(self) -> bool:
        """Whether the row is an image of a corpus without subject ids, not a participant."""
        return stands_for_image(self.extra)


def check_id(name: str, value: str) -> None:
    """Raise ValueError unless `value` can be the id of a subject or clip."""
    if not ID.fullmatch(value):
        raise ValueError(
            f"{name}: {value!r} is not an id: 1 to 64 letters, digits, - and _, first a letter or digit"
        )


def read_participants(path: Path = PARTICIPANTS) -> list[Participant]:
    """Read and check raw/participants.csv, in the order of enrolment."""
    participants = read_csv(path, Participant, key="subject")
    check_case([participant.subject for participant in participants], str(path))
    _check_order(participants, path)
    return sorted(participants, key=lambda participant: participant.enrolled)


def processable(participants: Iterable[Participant], consent: str = NOTED) -> frozenset[str]:
    """Return the subjects that may be processed and shown: those who have not withdrawn.

    An older version of the table, checked out again, does not list a later withdrawal; raw/withdrawn.csv and
    its copy outside Git do.

    Args:
        participants: The rows of raw/participants.csv.
        consent: `noted`, or `required` to leave out the subjects whose consent is unknown.
    """
    gone = {row.subject for row in read_withdrawn()}
    return frozenset(one.subject for one in participants if may_be_shown(one, consent)) - gone


def may_be_shown(participant: Participant, consent: str = NOTED) -> bool:
    """Return whether the row of a participant allows images: not withdrawn and, if `required`, given."""
    return participant.consent == GIVEN or (participant.consent == UNKNOWN and consent == NOTED)


def named_or_counted(participants: Iterable[Participant]) -> str:
    """Return participants for a message: their ids, and the number of images without a subject id."""
    rows = list(participants)
    names = [row.subject for row in rows if not row.is_image]
    parts = [listed(names)] if names else []
    if images := len(rows) - len(names):
        parts.append(f"{counted(images, 'image')} without subject id")
    return " and ".join(parts)


def check_case(ids: Iterable[str], where: str) -> None:
    """Raise EmoError if two ids differ only by case: some file systems would mix them up."""
    seen: dict[str, str] = {}
    for name in ids:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise EmoError(f"{where}: {other!r} and {name!r} differ only by case; rename one")


def _check_order(participants: Sequence[Participant], path: Path) -> None:
    seen: dict[int, str] = {}
    for participant in participants:
        other = seen.setdefault(participant.enrolled, participant.subject)
        if other != participant.subject:
            raise EmoError(
                f"{path}: {other} and {participant.subject} have the same number {participant.enrolled} "
                "in `enrolled`; each participant needs its own number"
            )
