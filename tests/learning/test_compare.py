"""Differences between trainings: planted ones are reported, noise is not."""

import numpy as np
import pytest

from pipeline.learning.comparison.compare import difference
from pipeline.learning.evaluation.metrics import expanded_tail


def counts(accuracies: np.ndarray, images: int = 50) -> dict[str, np.ndarray]:
    """Return counts (2, 2) of subjects with these accuracies."""
    hits = np.round(accuracies * images).astype(int)
    return {f"p{n:02d}": np.array([[h, 0], [images - h, 0]]) for n, h in enumerate(hits)}


def cohort(n: int, seed: int, *, ahead: float = 0.0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return two runs on n subjects that differ a lot; the second is ahead by about `ahead`."""
    chance = np.random.default_rng(seed)
    level, noise = chance.uniform(0.4, 0.8, n), chance.normal(0, 0.05, (2, n))
    return counts(level + noise[0]), counts(level + noise[1] + ahead)


def test_a_planted_difference_is_found_though_subjects_differ_far_more() -> None:
    verdict = difference(*cohort(12, 0, ahead=0.1)).verdict
    assert verdict.startswith("better by ")
    assert difference(*reversed(cohort(12, 0, ahead=0.1))).verdict.startswith("worse by ")


@pytest.mark.parametrize("n", [6, 12])
@pytest.mark.slow
def test_noise_is_called_a_difference_in_about_one_of_twenty_cases(n: int) -> None:
    verdicts = [difference(*cohort(n, seed)).verdict for seed in range(200)]
    wrong = sum(not verdict.startswith("no difference beyond chance") for verdict in verdicts)
    assert wrong / len(verdicts) <= 0.09  # 5 %, and three standard deviations of 200 cases


def test_too_few_subjects_have_no_interval() -> None:
    found = difference(*cohort(5, 0, ahead=0.3))
    assert found.interval is None
    assert "too few subjects (5; 6" in found.verdict


def test_only_common_subjects_count() -> None:
    first, second = counts(np.full(8, 0.5)), counts(np.full(8, 0.5))
    second = {**{name: second[name] for name in list(second)[:7]}, "other": np.array([[50, 0], [0, 0]])}
    found = difference(first, second)
    assert (found.subjects, found.accuracy, found.same_images) == (7, 0, True)
    assert found.verdict == "no difference beyond chance (+0.0 to +0.0)"
    assert difference(first, counts(np.full(8, 0.5), images=40)).verdict.endswith("; different images")
    assert difference(first, {"else": np.eye(2)}).verdict == "no common subject"


def test_the_same_runs_give_the_same_interval() -> None:
    assert difference(*cohort(9, 3)) == difference(*cohort(9, 3))


def test_the_tail_follows_students_t() -> None:
    # Student's quantile for 0.975: 2.5706 (5 degrees of freedom), 2.2622 (9); tables, e.g. in Hesterberg 2015
    assert expanded_tail(6) == pytest.approx(0.00243, abs=5e-5)  # normal beyond 2.5706 * sqrt(6 / 5) = 2.816
    assert expanded_tail(10) == pytest.approx(0.00854, abs=5e-5)  # beyond 2.2622 * sqrt(10 / 9) = 2.3846
    assert expanded_tail(10**6) == pytest.approx(0.025, abs=1e-5)
