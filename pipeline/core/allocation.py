"""Sequential allocation of people to groups: balanced after every arrival, random, never moving anybody.

People arrive one by one, each of one stratum (sex). Each is allocated at random among the groups that
keep every group within one person of its quota, within the stratum and over all, and that leave room
for whoever comes next. This is the idea of permuted blocks (Zelen 1974) and of minimisation (Taves
1974; Pocock & Simon 1975), but what a block promises at its end holds after every single person. An
allocation depends on earlier people alone, so later ones move nobody.

With two strata there was always such a group in every order of arrivals tried (tests). With three, an
order can leave none; then the choice comes closest, and the excess was below one person.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

LIMIT = 1.0
"""Largest distance of a group from its quota, in people."""

_EPSILON = 1e-9
_LOOK_AHEAD = 4
"""Arrivals, of any stratum, that a choice must leave room for."""

Counts = tuple[tuple[int, ...], ...]
"""People so far, by stratum, then by group."""


@dataclass(frozen=True)
class Allocator:
    """The rule: what share of people each group gets, which strata there are, and the seed."""

    shares: tuple[float, ...]
    "positive, of sum 1"
    strata: tuple[str, ...]
    "the first two are expected at any time; the others are reckoned with once one has arrived"
    seed: str
    filled_by: int = 0
    "from this many people on no group is empty; 0: not asked for"

    def allocate(self, arrivals: Sequence[str]) -> list[int]:
        """Return the group of each arrival, given their strata in the order of arrival."""
        counts: Counts = ((0,) * len(self.shares),) * len(self.strata)
        chosen: list[int] = []
        for number, name in enumerate(arrivals):
            stratum = self.strata.index(name)
            group = self._choose(counts, stratum, random.Random(f"{self.seed}/{number}"))
            counts = _added(counts, stratum, group)
            chosen.append(group)
        return chosen

    def _choose(self, counts: Counts, stratum: int, draw: random.Random) -> int:
        groups = self._candidates(counts)
        after = {group: _added(counts, stratum, group) for group in groups}
        farthest = max(_LOOK_AHEAD, self.filled_by - _people(counts) - 1)
        for depth in range(farthest, -1, -1):
            safe = [group for group in groups if _holds(self, after[group], stratum, depth)]
            if safe:
                return draw.choices(safe, [self.shares[group] for group in safe])[0]
        return min(groups, key=lambda group: _excess(self, after[group], stratum))


    def _candidates(self, counts: Counts) -> list[int]:
        """Return all groups, or the empty ones alone where there is no time left to fill them."""
        totals = [sum(column) for column in zip(*counts, strict=True)]
        empty = [group for group, total in enumerate(totals) if not total]
        must = 0 < self.filled_by - sum(totals) <= len(empty)
        return empty if must else list(range(len(totals)))


def _added(counts: Counts, stratum: int, group: int) -> Counts:
    row = tuple(n + (g == group) for g, n in enumerate(counts[stratum]))
    return (*counts[:stratum], row, *counts[stratum + 1 :])


def _people(counts: Counts) -> int:
    return sum(map(sum, counts))


@cache
def _holds(rule: Allocator, counts: Counts, stratum: int, depth: int) -> bool:
    """Tell whether the promises hold, after an arrival of `stratum` and `depth` more of any stratum."""
    if _excess(rule, counts, stratum) > LIMIT + _EPSILON:
        return False
    if _people(counts) == rule.filled_by and not all(map(sum, zip(*counts, strict=True))):
        return False
    return depth == 0 or all(
        any(_holds(rule, _added(counts, s, g), s, depth - 1) for g in range(len(rule.shares)))
        for s, row in enumerate(counts)
        if s < 2 or any(row)
    )


def _excess(rule: Allocator, counts: Counts, stratum: int) -> float:
    """Return the largest distance from a quota, within the stratum and over all, in people."""
    rows = (counts[stratum], [sum(column) for column in zip(*counts, strict=True)])
    return max(
        abs(count - share * sum(row)) for row in rows for count, share in zip(row, rule.shares, strict=True)
    )
