"""Sequential allocation of subjects to groups: balanced at every size, random, permanent.

Subjects arrive one by one, each of one stratum (sex). Each is assigned at random to one of the groups that
keep the balance now and in every continuation. The idea is that of permuted blocks (Zelen 1974) and of
minimisation (Taves 1974; Pocock & Simon 1975), but the balance that a block reaches at its end holds after
every subject. An allocation depends only on earlier subjects, so later ones never reassign anyone.

The guarantee, for every order of arrivals: within the first stratum, within the second and over both, no
group is farther from its quota (share x subjects) than LIMIT subjects.

- Equal shares (folds): LIMIT is 1. Each round of a stratum fills every group once. While the two rounds in
  progress are together shorter than one, they use different groups; after that, all groups are used.
- Other shares: a game against the order of arrivals, with finitely many states because quotas are whole
numbers
  after 100 subjects. The states from which the game cannot be lost are computed, and only these are entered.
  LIMIT is the smallest, in steps of 0.05, for which the game can be won and no group is empty from
  `filled_by` subjects on: 1 for shares of 0.15, 0.2, 0.25, 0.3 ... each for validation and test, more if no
  rule can keep 1: 1.1 for 0.1 and 0.15, 1.05 for 0.15 and 0.2, 1.2 for 0.1 and 0.1 (six subjects hardly fill
  two groups of a tenth). `Allocator.limit` is its value.

A third stratum (neither F nor M, or not known) keeps LIMIT within itself. Over all three strata there is no
guarantee; the choice is the closest one. In random orders, the distance reached 1.6 subjects where LIMIT is
1.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

_WHOLE = 100
"""Shares are multiples of one in this many (whole percents)."""

_STEP = 5
"""Step between the limits that are tried, hundredths of a subject."""

Counts = tuple[tuple[int, ...], ...]
"""Number of subjects so far, by stratum, then by group."""


@dataclass(frozen=True)
class Allocator:
    """The rule: the share of each group, the strata and the seed."""

    shares: tuple[float, ...]
    "Shares of the groups: positive, with sum 1; all equal, or whole percents."
    strata: tuple[str, ...]
    "Names of the strata; the first two are balanced together, each other one by itself."
    seed: str
    "Seed of the random assignment."
    filled_by: int = 0
    "Number of subjects from which no group is empty; 0: no such guarantee."

    def allocate(self, arrivals: Sequence[str]) -> list[int]:
        """Return the group of each arrival, given their strata in the order of arrival."""
        return [group for group, _ in self.draws(arrivals)]

    def draws(self, arrivals: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
        """Yield the group of each arrival, and the groups that it was drawn from."""
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
        """The largest distance from a quota that is guaranteed, in subjects."""
        return 1.0 if len(set(self.shares)) == 1 else _table(self.shares, self.filled_by).limit

    def _next_of_block(self, counts: Counts, stratum: int) -> list[int]:
        """Return the groups with the fewest subjects of the stratum, and of these the smallest overall."""
        totals = _totals(counts)
        least = min(zip(counts[stratum], totals, strict=True))
        return [g for g, pair in enumerate(zip(counts[stratum], totals, strict=True)) if pair == least]

    def _safe(self, counts: Counts, stratum: int) -> list[int]:
        return _safe_groups(_table(self.shares, self.filled_by), counts, stratum, self.filled_by)


@dataclass(frozen=True, eq=False)
class _Table:
    """The states of one stratum, and the pairs of states from which the balance can always be kept."""

    limit: float
    "Largest distance from a quota, in subjects."
    parts: tuple[int, ...]
    "The shares in percent."
    state_of: dict[tuple[int, ...], int]
    "Distances from the quotas, in hundredths of a subject, -> number of the state."
    safe: np.ndarray
    "Whether a pair of states is safe, (states, states) bool."

    def is_safe(self, counts: Counts) -> bool:
        """Return whether the first two strata together, and each other one alone, can keep the balance."""
        states = [self.state_of.get(_distances(row, self.parts), -1) for row in counts]
        pairs = [(states[0], states[1]), *((state, 0) for state in states[2:])]
        return min(states) >= 0 and all(self.safe[pair] for pair in pairs)

    def excess(self, row: Sequence[int]) -> float:
        """Return the largest distance from a quota, in subjects."""
        return max(map(abs, _distances(row, self.parts))) / _WHOLE


@cache
def _safe_groups(table: _Table, counts: Counts, stratum: int, filled_by: int) -> list[int]:
    """Return the groups that keep the guarantee, and of these those within the limit over all strata."""
    after = {group: _added(counts, stratum, group) for group in range(len(table.parts))}
    keeping = [group for group, there in after.items() if _fills(table, there, filled_by)]
    excess = {group: table.excess(_totals(after[group])) for group in keeping}
    fitting = [group for group in keeping if excess[group] <= table.limit + 1e-9]
    return fitting or [min(keeping, key=lambda group: excess[group])]


@cache
def _fills(table: _Table, counts: Counts, filled_by: int) -> bool:
    """Return whether a state is safe and no group can be empty at `filled_by` subjects."""
    subjects = sum(map(sum, counts))
    if not table.is_safe(counts):
        return False
    if subjects >= filled_by:
        return not filled_by or subjects > filled_by or all(_totals(counts))
    return all(
        any(_fills(table, _added(counts, stratum, g), filled_by) for g in range(len(table.parts)))
        for stratum in range(len(counts))
    )


@cache
def _table(shares: tuple[float, ...], filled_by: int) -> _Table:
    """Find the smallest limit, from one subject on, that can always be kept with no group empty."""
    empty: Counts = ((0,) * len(shares),) * 3
    parts = tuple(round(share * _WHOLE) for share in shares)
    if any(abs(part - share * _WHOLE) > 1e-6 for part, share in zip(parts, shares, strict=True)):
        raise ValueError(f"shares: {shares} are not whole percents")
    for limit in range(_WHOLE, 2 * _WHOLE + 1, _STEP):
        state_of, following = _states(parts, limit)
        safe = _winning(np.array(list(state_of)), following, limit)
        table = _Table(limit / _WHOLE, parts, state_of, safe)
        if _fills(table, empty, filled_by):
            return table
    raise ValueError(f"shares: {shares} cannot be kept within two subjects")


def _states(parts: tuple[int, ...], limit: int) -> tuple[dict[tuple[int, ...], int], np.ndarray]:
    """Return the reachable states of a stratum within the limit, and their successors.

    The first state is that without subjects. Successors by the group chosen, (states, groups) int: -1 if the
    limit would be exceeded.
    """
    state_of = {(0,) * len(parts): 0}
    pending, following = [(0,) * len(parts)], []
    for state in pending:  # grows
        row = []
        for there in _steps(state, parts):
            if max(map(abs, there)) > limit:
                row.append(-1)
                continue
            if there not in state_of:
                state_of[there] = len(pending)
                pending.append(there)
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
    """Return which pairs of states keep the limit over both strata in every order of arrivals.

    The greatest fixed point: pairs from which some arrival leaves no possible group are removed until none
    is.
    """
    safe = (np.abs(distances[:, None] + distances[None]) <= limit).all(axis=2)
    while True:
        can_go_on = np.zeros_like(safe)
        for there in following.T:  # the first stratum's next subject joins this group
            can_go_on |= safe[there] & (there >= 0)[:, None]
        kept = safe & can_go_on & can_go_on.T  # both strata follow the same rule, so the table is symmetric
        if (kept == safe).all():
            return safe
        safe = kept


def _added(counts: Counts, stratum: int, group: int) -> Counts:
    row = tuple(n + (g == group) for g, n in enumerate(counts[stratum]))
    return (*counts[:stratum], row, *counts[stratum + 1 :])


def _totals(counts: Counts) -> tuple[int, ...]:
    return tuple(map(sum, zip(*counts, strict=True)))


def _distances(row: Sequence[int], parts: tuple[int, ...]) -> tuple[int, ...]:
    """Return the distance of each count from its quota, in hundredths of a subject."""
    subjects = sum(row)
    return tuple(count * _WHOLE - part * subjects for count, part in zip(row, parts, strict=True))
