"""Why somebody is in a split: the draw of the stage split, told step by step."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline.dataset.split.subjects import SplitParams, in_order, rules, stratum
from pipeline.schema.split import SPLITS
from pipeline.versions.dvc_lock import settings_as_built
from pipeline.versions.trace.records import Records


@dataclass(frozen=True)
class Placement:
    """Where a subject is, and how that came about."""

    split: str
    "by data/split.csv; empty where it has no row of the subject"
    fold: int | None
    drawn: str
    "the split that the rule gives"
    among: tuple[str, ...]
    "the splits that it was drawn among"
    enrolled: int
    "the how manieth person"
    people: int
    "how many are enrolled"
    stratum: str
    "F, M or other"
    in_stratum: int
    "the how manieth person of the stratum"
    of_stratum: int
    params: SplitParams

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return vars(self) | {"params": vars(self.params)}

    @property
    def why(self) -> str:
        """How the split came about, in a sentence."""
        place = f"{ordinal(self.enrolled)} of {self.people} enrolled, {ordinal(self.in_stratum)} of "
        return f"{place}{self.of_stratum} {self.stratum}; {self._draw}"

    @property
    def rule(self) -> str:
        """What the draw was made with."""
        shares = ", ".join(
            f"{name} {share:g}" for name, share in zip(SPLITS, self.params.shares, strict=True)
        )
        return f"split.seed {self.params.seed}; shares {shares}; {self.params.folds} folds"

    @property
    def _draw(self) -> str:
        if len(self.among) == 1:
            return f"{self.among[0]} was the only split that keeps every promise of balance"
        names = " and ".join([", ".join(self.among[:-1]), self.among[-1]])
        return f"drawn among {names}, the splits that keep every promise of balance"


def place(subject: str, records: Records) -> Placement:
    """Repeat the draw of a subject's split; later people make no difference to it."""
    params = settings_as_built("split", SplitParams)
    people = in_order(list(records.people.values()))
    strata = [stratum(person) for person in people]
    number = next(n for n, person in enumerate(people) if person.subject == subject)
    group, among = next(islice(rules(params)[0].draws(strata), number, None))
    row = records.split.get(subject)
    return Placement(
        split=row.split if row else "",
        fold=row.fold if row else None,
        drawn=SPLITS[group],
        among=tuple(SPLITS[other] for other in among),
        enrolled=number + 1,
        people=len(people),
        stratum=strata[number],
        in_stratum=strata[: number + 1].count(strata[number]),
        of_stratum=strata.count(strata[number]),
        params=params,
    )


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, ... 11th ..."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
