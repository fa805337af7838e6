"""Assign subjects to splits and folds in the order of their enrolment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pipeline.dataset.split.allocation import Allocator
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import Checked, Within
from pipeline.runtime.paths import PARTICIPANTS
from pipeline.schema.image_subjects import IMAGE, STANDS_FOR
from pipeline.schema.participants import WITHDRAWN, Participant
from pipeline.schema.split import SPLITS, SplitRow

FILLED_BY = 6
"""Number of subjects from which no split is empty."""

_OTHER = "other"
"""Stratum of the subjects whose sex is neither F nor M, or not known: too few to balance separately."""

_STRATA = ("F", "M", _OTHER)


@dataclass(frozen=True)
class SplitParams(Checked):
    """How subjects are allocated to the splits."""

    seed: int
    "Seed of the random assignment; only the order of enrolment and sex matter besides."
    validation: Annotated[float, Within(0.1, 0.4)]
    "Share of the subjects in validation, whole percents."
    test: Annotated[float, Within(0.1, 0.4)]
    "Share of the subjects in test, whole percents; the rest is in train."
    folds: Annotated[int, Within(2, 20)]
    "Number of folds for cross-validation over subjects."

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, share in (("validation", self.validation), ("test", self.test)):
            if abs(share * 100 - round(share * 100)) > 1e-6:
                raise ValueError(f"{name}: {share} is not a whole percent, such as 0.15")

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares in the order of SPLITS."""
        return (round(1 - self.validation - self.test, 6), self.validation, self.test)


def split_subjects(participants: Sequence[Participant], params: SplitParams) -> list[SplitRow]:
    """Return the split and fold of every subject who has not withdrawn, in the order of enrolment.

    A withdrawn subject keeps its slot, so that no other subject is reassigned, but has no row. Raises
    EmoError if a row of raw/participants.csv was removed: later subjects would change split.
    """
    ordered = in_order(participants)
    strata = [stratum(person) for person in ordered]
    splits, folds = (rule.allocate(strata) for rule in rules(params))
    return [
        SplitRow(
            person.subject, person.sex, SPLITS[split], fold, {STANDS_FOR: IMAGE} if person.is_image else {}
        )
        for person, split, fold in zip(ordered, splits, folds, strict=True)
        if person.consent != WITHDRAWN
    ]


def rules(params: SplitParams) -> tuple[Allocator, Allocator]:
    """Return the rules that assign subjects to splits and to folds."""
    by_split = Allocator(params.shares, _STRATA, f"split/{params.seed}", FILLED_BY)
    by_fold = Allocator((1 / params.folds,) * params.folds, _STRATA, f"fold/{params.seed}")
    return by_split, by_fold


def stratum(person: Participant) -> str:
    """Return the stratum within which a subject is balanced: F, M or other."""
    return person.sex if person.sex in _STRATA else _OTHER


def in_order(participants: Sequence[Participant]) -> list[Participant]:
    """Return the participants in the order of enrolment; raise EmoError if a row was removed."""
    ordered = sorted(participants, key=lambda person: person.enrolled)
    for number, person in enumerate(ordered, 1):
        if person.enrolled != number:
            raise EmoError(
                f"{PARTICIPANTS}: `enrolled` number {number} is missing. Restore its row (with consent "
                "`withdrawn` if the subject left); without it, later subjects would change split"
            )
    return ordered
