"""Why a subject is in its split: the draw of the stage split, repeated."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline.dataset.split.subjects import SplitParams, in_order, rules, stratum
from pipeline.schema.split import SPLITS
from pipeline.versions.dvc_lock import settings_as_built
from pipeline.versions.trace.records import Records


@dataclass(frozen=True)
class Placement:
    """The split of a subject, and the draw that led to it."""

    split: str
    "By data/split.csv; empty if the subject has no row."
    fold: int | None
    "By data/split.csv."
    drawn: str
    "The split that the draw gives."
    among: tuple[str, ...]
    "The splits that the draw chose from."
    enrolled: int
    "Position in the order of enrolment, from 1."
    people: int
    "Number of enrolled subjects."
    stratum: str
    "F, M or other."
    in_stratum: int
    "Position in the stratum's order of enrolment, from 1."
    of_stratum: int
    "Number of subjects of the stratum."
    params: SplitParams

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return vars(self) | {"params": vars(self.params)}

    @property
    def why(self) -> str:
        """The reason for the split, in a sentence."""
        order = f"{ordinal(self.enrolled)} of {self.people} enrolled"
        within = f"{ordinal(self.in_stratum)} of {self.of_stratum} {self.stratum}"
        return f"{order}, {within}; {self._draw}"

    @property
    def settings(self) -> str:
        """The settings of the draw."""
        shares = zip(SPLITS, self.params.shares, strict=True)
        shown = ", ".join(f"{name} {share:g}" for name, share in shares)
        return f"split.seed {self.params.seed}; shares {shown}; {self.params.folds} folds"

    @property
    def _draw(self) -> str:
        if len(self.among) == 1:
            return f"{self.among[0]} was the only split that kept the balance"
        names = " and ".join([", ".join(self.among[:-1]), self.among[-1]])
        return f"drawn at random from {names}, the splits that kept the balance"


def place(subject: str, records: Records) -> Placement:
    """Repeat the draw of a subject's split; subjects enrolled later do not affect it."""
    params = settings_as_built("split", SplitParams)
    participants = in_order(list(records.participants.values()))
    strata = [stratum(participant) for participant in participants]
    number = next(n for n, participant in enumerate(participants) if participant.subject == subject)
    group, among = next(islice(rules(params)[0].draws(strata), number, None))
    row = records.split.get(subject)
    return Placement(
        split=row.split if row else "",
        fold=row.fold if row else None,
        drawn=SPLITS[group],
        among=tuple(SPLITS[other] for other in among),
        enrolled=number + 1,
        people=len(participants),
        stratum=strata[number],
        in_stratum=strata[: number + 1].count(strata[number]),
        of_stratum=strata.count(strata[number]),
        params=params,
    )


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, ... 11th ..."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
