"""Sequential allocation of people to groups: balanced after every arrival, random, never moving anybody.

People arrive one by one, each of one stratum (sex). Each is drawn at random from the groups that keep all
promises, now and for whoever comes next. This is the idea of permuted blocks (Zelen 1974) and of
minimisation (Taves 1974; Pocock & Simon 1975), but what a block promises at its end holds after every
single person. An allocation depends on earlier people alone, so later ones move nobody.

What is promised, in every order of arrivals, for ever: within the first stratum, within the second and
over both, no group is farther from its quota (share x people) than LIMIT people.

- Equal shares (folds): LIMIT is 1. Each round of a stratum fills every group once. While the two rounds
  under way are shorter than one together, they use different groups; after that, all groups are used.
- Other shares: seen as a game against the order of arrivals, which has finitely many states because quotas
  are whole after 100 people. The states from which the game cannot be lost are computed; those alone are
  entered. LIMIT is the least, in steps of 0.05, for which the game can be won and no group is empty from
  `filled_by` people on: 1 for shares of 0.15, 0.2, 0.25, 0.3 ... each for validation and test, more where
  no rule can keep 1: 1.1 for 0.1 and 0.15, 1.05 for 0.15 and 0.2, 1.2 for 0.1 and 0.1 (six people hardly
  fill two groups of a tenth). `Allocator.limit` tells it.

A third stratum (neither F nor M, or not known) keeps LIMIT within itself. Over all three there is no
promise; the choice comes closest. In random orders the distance reached 1.6 people where LIMIT is 1.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

_WHOLE = 100
"""Shares are whole percents."""

_STEP = 5
"""In which limits are tried, hundredths of a person."""

Counts = tuple[tuple[int, ...], ...]
"""People so far, by stratum, then by group."""


@dataclass(frozen=True)
class Allocator:
    """The rule: what share of people each group gets, which strata there are, and the seed."""

    shares: tuple[float, ...]
    "positive, of sum 1; all equal, or whole percents"
    strata: tuple[str, ...]
    "the first two are balanced with each other; the others each by itself"
    seed: str
    filled_by: int = 0
    "from this many people on no group is empty; 0: not asked for"

    def allocate(self, arrivals: Sequence[str]) -> list[int]:
        """Return the group of each arrival, given their strata in the order of arrival."""
        return [group for group, _ in self.draws(arrivals)]

    def draws(self, arrivals: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
        """Yield the group of each arrival, and the groups that it was drawn among."""
        counts: Counts = ((0,) * len(self.shares),) * len(self.strata)
        choose = self._next_of_block if len(set(self.shares)) == 1 else self._safe
        for number, name in enumerate(arrivals):
            stratum = self.strata.index(name)
            draw = random.Random(f"{self.seed}/{number}")
            groups = choose(counts, stratum)
            group = draw.choices(groups, [self.shares[group] for group in groups])[0]
            counts = _added(counts, stratum, group)
            yield group, groups

    @property
    def limit(self) -> float:
        """The largest distance from a quota that is promised, in people."""
        return 1.0 if len(set(self.shares)) == 1 else _table(self.shares, self.filled_by).limit

    def _next_of_block(self, counts: Counts, stratum: int) -> list[int]:
        """Return the groups that the stratum has least of, and of these those least filled over all."""
        totals = _totals(counts)
        least = min(zip(counts[stratum], totals, strict=True))
        return [g for g, pair in enumerate(zip(counts[stratum], totals, strict=True)) if pair == least]

    def _safe(self, counts: Counts, stratum: int) -> list[int]:
        return _safe_groups(_table(self.shares, self.filled_by), counts, stratum, self.filled_by)


@dataclass(frozen=True, eq=False)
class _Table:
    """The states that one stratum can be in, and the pairs of states that can be gone on from for ever."""

    limit: float
    parts: tuple[int, ...]
    "the shares in percent"
    state_of: dict[tuple[int, ...], int]
    "distances from the quotas, in hundredths of a person, -> number of the state"
    safe: np.ndarray
    "(states, states) bool"

    def is_safe(self, counts: Counts) -> bool:
        """Tell whether the first two strata, together, and every other, alone, can keep the promise."""
        states = [self.state_of.get(_distances(row, self.parts), -1) for row in counts]
        pairs = [(states[0], states[1]), *((state, 0) for state in states[2:])]
        return min(states) >= 0 and all(self.safe[pair] for pair in pairs)

    def excess(self, row: Sequence[int]) -> float:
        """Return the largest distance from a quota, in people."""
        return max(map(abs, _distances(row, self.parts))) / _WHOLE


@cache
def _safe_groups(table: _Table, counts: Counts, stratum: int, filled_by: int) -> list[int]:
    """Return the groups that break no promise, and of these those that also suit all strata."""
    after = {group: _added(counts, stratum, group) for group in range(len(table.parts))}
    keeping = [group for group, there in after.items() if _fills(table, there, filled_by)]
    excess = {group: table.excess(_totals(after[group])) for group in keeping}
    fitting = [group for group in keeping if excess[group] <= table.limit + 1e-9]
    return fitting or [min(keeping, key=lambda group: excess[group])]


@cache
def _fills(table: _Table, counts: Counts, filled_by: int) -> bool:
    """Tell whether the state is safe and, whoever comes, leaves no group empty at `filled_by` people."""
    people = sum(map(sum, counts))
    if not table.is_safe(counts):
        return False
    if people >= filled_by:
        return not filled_by or people > filled_by or all(_totals(counts))
    return all(
        any(_fills(table, _added(counts, stratum, g), filled_by) for g in range(len(table.parts)))
        for stratum in range(len(counts))
    )


@cache
def _table(shares: tuple[float, ...], filled_by: int) -> _Table:
    """Find the least limit, from one person on, that can be kept for ever with no group empty, and how."""
    nobody: Counts = ((0,) * len(shares),) * 3
    parts = tuple(round(share * _WHOLE) for share in shares)
    if any(abs(part - share * _WHOLE) > 1e-6 for part, share in zip(parts, shares, strict=True)):
        raise ValueError(f"shares: {shares} are not whole percents")
    for limit in range(_WHOLE, 2 * _WHOLE + 1, _STEP):
        state_of, following = _states(parts, limit)
        safe = _winning(np.array(list(state_of)), following, limit)
        table = _Table(limit / _WHOLE, parts, state_of, safe)
        if _fills(table, nobody, filled_by):
            return table
    raise ValueError(f"shares: {shares} cannot be kept within two people")


def _states(parts: tuple[int, ...], limit: int) -> tuple[dict[tuple[int, ...], int], np.ndarray]:
    """Return what a stratum can come to within the limit, and the state after each group is chosen.

    The first state is that of nobody. (states, groups) int: -1 where the limit would be broken.
    """
    state_of = {(0,) * len(parts): 0}
    waiting, following = [(0,) * len(parts)], []
    for state in waiting:  # grows
        row = []
        for there in _steps(state, parts):
            if max(map(abs, there)) > limit:
                row.append(-1)
                continue
            if there not in state_of:
                state_of[there] = len(waiting)
                waiting.append(there)
            row.append(state_of[there])
        following.append(row)
    return state_of, np.array(following)


def _steps(state: tuple[int, ...], parts: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for group in range(len(parts)):
        yield tuple(
            d - part + (_WHOLE if g == group else 0)
            for g, (d, part) in enumerate(zip(state, parts, strict=True))
        )


def _winning(distances: np.ndarray, following: np.ndarray, limit: int) -> np.ndarray:
    """Return which pairs of states keep the limit over both strata, whoever arrives, for ever.

    The greatest fixed point: pairs from which some arrival leaves no group are struck out, until none is.
    """
    safe = (np.abs(distances[:, None] + distances[None]) <= limit).all(axis=2)
    while True:
        can_go_on = np.zeros_like(safe)
        for there in following.T:  # the first stratum's next person into this group
            can_go_on |= safe[there] & (there >= 0)[:, None]
        kept = safe & can_go_on & can_go_on.T  # the strata are alike, so the table is symmetric
        if (kept == safe).all():
            return safe
        safe = kept


def _added(counts: Counts, stratum: int, group: int) -> Counts:
    row = tuple(n + (g == group) for g, n in enumerate(counts[stratum]))
    return (*counts[:stratum], row, *counts[stratum + 1 :])


def _totals(counts: Counts) -> tuple[int, ...]:
    return tuple(map(sum, zip(*counts, strict=True)))


def _distances(row: Sequence[int], parts: tuple[int, ...]) -> tuple[int, ...]:
    """Return how far each count is from its quota, in hundredths of a person."""
    people = sum(row)
    return tuple(count * _WHOLE - part * people for count, part in zip(row, parts, strict=True))
