"""The guarantees of the split, in every order of arrivals up to ten subjects and in longer random ones."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset.split.allocation import Allocator

STRATA = ("F", "M", "other")
DEFAULT = (0.7, 0.15, 0.15)
TWO = st.lists(st.sampled_from(("F", "M")), max_size=60)
THREE = st.lists(st.sampled_from(STRATA), max_size=40)
SEEDS = st.integers(0, 99).map(str)


def splitter(shares: tuple[float, ...] = DEFAULT, seed: str = "1") -> Allocator:
    return Allocator(shares, STRATA, seed, filled_by=6)


def folder(folds: int, seed: str = "1") -> Allocator:
    return Allocator((1 / folds,) * folds, STRATA, seed)


def excesses(rule: Allocator, arrivals: list[str]) -> tuple[float, float]:
    """Return the largest distances from a quota after any arrival: within a stratum, and over all."""
    counts = {name: [0] * len(rule.shares) for name in STRATA}
    within = overall = 0.0
    for name, group in zip(arrivals, rule.allocate(arrivals), strict=True):
        counts[name][group] += 1
        totals = [sum(column) for column in zip(*counts.values(), strict=True)]
        within = max(within, distance(counts[name], rule.shares))
        overall = max(overall, distance(totals, rule.shares))
        assert sum(totals) < 6 or rule.filled_by == 0 or all(totals)
    return within, overall


def distance(row: list[int], shares: tuple[float, ...]) -> float:
    return max(abs(n - share * sum(row)) for n, share in zip(row, shares, strict=True))


# --- Balance --------------------------------------------------------------------------------------


def test_within_one_subject_and_never_empty_in_every_order_of_ten() -> None:
    """Every prefix of an order is checked with it, so that ten covers all shorter ones."""
    for number, order in enumerate(itertools.product("FM", repeat=10)):
        assert max(excesses(splitter(seed=str(number % 7)), list(order))) <= 1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(TWO, SEEDS)
def test_within_one_subject_in_any_order_of_sixty(arrivals: list[str], seed: str) -> None:
    assert max(excesses(splitter(seed=seed), arrivals)) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("shares", "limit"),
    [
        (DEFAULT, 1.0),
        ((0.6, 0.2, 0.2), 1.0),
        ((0.5, 0.25, 0.25), 1.0),
        ((0.4, 0.3, 0.3), 1.0),
        ((0.75, 0.1, 0.15), 1.1),  # no rule can keep less, in steps of 0.05
        ((0.65, 0.15, 0.2), 1.05),
        ((0.8, 0.1, 0.1), 1.2),  # six subjects hardly fill two groups of a tenth
    ],
)
def test_other_shares_keep_their_limit(shares: tuple[float, ...], limit: float) -> None:
    assert splitter(shares).limit == limit
    for seed in range(5):
        orders = (["F", "M"] * 40, ["F"] * 40 + ["M"] * 40, ["M", "F", "F"] * 27)
        assert all(max(excesses(splitter(shares, str(seed)), order)) <= limit + 1e-9 for order in orders)


@settings(max_examples=40, deadline=None)
@given(TWO, SEEDS, st.integers(2, 20))
def test_folds_are_within_one_subject(arrivals: list[str], seed: str, folds: int) -> None:
    assert max(excesses(folder(folds, seed), arrivals)) <= 1 + 1e-9


@settings(max_examples=40, deadline=None)
@given(THREE, SEEDS)
def test_a_third_stratum_keeps_its_own_balance(arrivals: list[str], seed: str) -> None:
    """Over all three strata there is no guarantee; a distance of two subjects was never reached."""
    within, overall = excesses(splitter(seed=seed), arrivals)
    assert within <= 1 + 1e-9
    assert overall < 2


# --- Permanence -----------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(THREE, THREE, SEEDS)
def test_later_arrivals_reassign_no_one(first: list[str], later: list[str], seed: str) -> None:
    for rule in (splitter(seed=seed), folder(5, seed)):
        assert rule.allocate(first + later)[: len(first)] == rule.allocate(first)


def test_another_seed_gives_another_split() -> None:
    arrivals = ["F", "M"] * 10
    found = {tuple(splitter(seed=str(seed)).allocate(arrivals)) for seed in range(20)}
    assert len(found) > 15
    assert splitter().allocate(arrivals) == splitter().allocate(arrivals)


def test_assignment_is_random_with_the_shares_as_probabilities() -> None:
    """The first of 2,000 splits: 70 % train. Binomial, standard deviation 1 %: four of them are allowed."""
    first = [splitter(seed=str(seed)).allocate(["F"])[0] for seed in range(2000)]
    assert abs(first.count(0) / 2000 - 0.7) < 0.042


def test_shares_that_are_not_whole_percents() -> None:
    with pytest.raises(ValueError, match="not whole percents"):
        splitter((0.667, 0.167, 0.166)).allocate(["F"])


@pytest.mark.parametrize("rule", [splitter(), splitter((0.75, 0.1, 0.15)), folder(5), folder(20)])
def test_a_thousand_subjects_take_seconds(rule: Allocator) -> None:
    start = time.process_time()
    rule.allocate(["F", "M", "M", "F", "other"] * 200)
    assert time.process_time() - start < 5
