"""dataset.split.subjects."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.dataset.split.allocation import Allocator
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import check_range
from pipeline.runtime.paths import PARTICIPANTS
from pipeline.schema.image_subjects import IMAGE, STANDS_FOR
from pipeline.schema.participants import GIVEN, Participant
from pipeline.schema.split import SPLITS, SplitRow

FILLED_BY = 6
"""From six subjects on no split is empty."""

_OTHER = "other"
"""The stratum of those who are neither F nor M, or did not say: too few to balance one by one."""


_STRATA = ("F", "M", _OTHER)


@dataclass(frozen=True)
class SplitParams:
    """params.yaml, section split."""

    seed: int
    "another seed, another split; the order of enrolment and sex decide the rest"
    validation: float
    "share of the subjects"
    test: float
    "share of the subjects; the rest trains"
    folds: int
    "for cross-validation over subjects"

    def __post_init__(self) -> None:
        check_range("validation", self.validation, 0.1, 0.4)
        check_range("test", self.test, 0.1, 0.4)
        check_range("folds", self.folds, 2, 20)
        for name, share in (("validation", self.validation), ("test", self.test)):
            if abs(share * 100 - round(share * 100)) > 1e-6:
                raise ValueError(f"{name}: {share} is not a whole percent, such as 0.15")

    @property
    def shares(self) -> tuple[float, float, float]:
        """Return the shares in the order of SPLITS."""
        return (round(1 - self.validation - self.test, 6), self.validation, self.test)


def split_subjects(people: Sequence[Participant], params: SplitParams) -> list[SplitRow]:
    """Allocate people to splits and folds in the order of their enrolment.

    Withdrawn people keep their place in the sequence, so that nobody else moves, but get no row. Raises
    EmoError where somebody's row was removed: without it those who came later would move.
    """
    ordered = in_order(people)
    strata = [stratum(person) for person in ordered]
    splits, folds = (rule.allocate(strata) for rule in rules(params))
    return [
        SplitRow(person.subject, person.sex, SPLITS[split], fold, _extra(person))
        for person, split, fold in zip(ordered, splits, folds, strict=True)
        if person.consent == GIVEN
    ]


def _extra(person: Participant) -> dict[str, str]:
    return {STANDS_FOR: IMAGE} if person.is_image else {}


def rules(params: SplitParams) -> tuple[Allocator, Allocator]:
    """Return what allocates people to splits, and to folds."""
    by_split = Allocator(params.shares, _STRATA, f"split/{params.seed}", FILLED_BY)
    by_fold = Allocator((1 / params.folds,) * params.folds, _STRATA, f"fold/{params.seed}")
    return by_split, by_fold


def stratum(person: Participant) -> str:
    """Return the group of people within which somebody is balanced."""
    return person.sex if person.sex in _STRATA else _OTHER


def in_order(people: Sequence[Participant]) -> list[Participant]:
    """Return people in the order of their enrolment; raise EmoError where somebody's row was removed."""
    ordered = sorted(people, key=lambda person: person.enrolled)
    for number, person in enumerate(ordered, 1):
        if person.enrolled != number:
            raise EmoError(
                f"{PARTICIPANTS}: nobody has the number {number} in `enrolled`; put the row back, as "
                f"`withdrawn` if need be, or those who came later would move between the splits"
            )
    return ordered
