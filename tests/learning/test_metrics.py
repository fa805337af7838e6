"""Metrics against examples computed by hand."""

import numpy as np
import pytest

from pipeline.learning.evaluation.metrics import (
    ClassScores,
    accuracy,
    class_scores,
    confusion_matrix,
    cross_entropy,
    f1_scores,
    interval,
    macro_f1,
    resampled_subjects,
    subject_confusions,
)

# Seven images: actual a a a b b c c, predicted a a b b c c a.
ACTUAL = np.array([0, 0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 0, 1, 1, 2, 2, 0])


def test_confusion_matrix() -> None:
    matrix = confusion_matrix(ACTUAL, PREDICTED, 3)
    assert matrix.tolist() == [[2, 1, 0], [0, 1, 1], [1, 0, 1]]
    assert confusion_matrix(ACTUAL[:0], PREDICTED[:0], 2).tolist() == [[0, 0], [0, 0]]


def test_class_scores() -> None:
    scores = class_scores(confusion_matrix(ACTUAL, PREDICTED, 3))
    # a: 2 hits of 3 predicted and 3 actual; b and c: 1 hit of 2 predicted and 2 actual.
    assert scores[0] == ClassScores(pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3), 3)
    assert scores[1] == ClassScores(0.5, 0.5, 0.5, 2)
    assert scores[2] == scores[1]


def test_accuracy_and_macro_f1() -> None:
    matrix = confusion_matrix(ACTUAL, PREDICTED, 3)
    assert accuracy(matrix) == pytest.approx(4 / 7)
    assert macro_f1(matrix) == pytest.approx((2 / 3 + 0.5 + 0.5) / 3)


def test_precision_and_recall_differ() -> None:
    # One class predicted always: recall 1, precision 1/4, F1 = 2 * 1/4 / (5/4) = 0.4; the other 0.
    scores = class_scores(confusion_matrix(np.array([0, 1, 1, 1]), np.zeros(4, np.int64), 2))
    assert scores == [ClassScores(0.25, 1.0, 0.4, 1), ClassScores(0.0, 0.0, 0.0, 3)]


def test_a_class_that_does_not_occur_does_not_count() -> None:
    matrix = confusion_matrix(ACTUAL, PREDICTED, 5)
    assert macro_f1(matrix) == pytest.approx(macro_f1(matrix[:3, :3]))
    assert f1_scores(matrix)[3:].tolist() == [0, 0]
    assert macro_f1(np.zeros((2, 2), np.int64)) == 0


def test_metrics_of_many_matrices_at_once() -> None:
    one = confusion_matrix(ACTUAL, PREDICTED, 3)
    both = np.stack([one, np.eye(3, dtype=np.int64)])
    assert accuracy(both).tolist() == pytest.approx([4 / 7, 1])
    assert macro_f1(both).tolist() == pytest.approx([5 / 9, 1])


def test_cross_entropy() -> None:
    chances = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert cross_entropy(chances, np.array([0, 1])) == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)
    assert np.isfinite(cross_entropy(np.array([[1.0, 0.0]]), np.array([1])))


def test_subjects_are_in_order() -> None:
    subjects = ["b", "b", "a", "a", "a", "b", "b"]
    parts = subject_confusions(ACTUAL, PREDICTED, subjects, 3)
    assert list(parts) == ["a", "b"]
    assert parts["a"].tolist() == [[0, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert sum(parts.values()).tolist() == confusion_matrix(ACTUAL, PREDICTED, 3).tolist()


def test_resampled_cohorts_are_sums_of_as_many_subjects() -> None:
    subjects = np.stack([np.diag([4, 0]), np.array([[0, 4], [0, 0]]), np.diag([0, 4])])
    cohorts = resampled_subjects(subjects, 500, np.random.default_rng(0))
    assert cohorts.shape == (500, 2, 2)
    assert set(cohorts.sum((1, 2))) == {12}
    # Of three subjects one is always wrong: mean accuracy 2/3, one of 27 cohorts has only that subject.
    assert accuracy(cohorts).mean() == pytest.approx(2 / 3, abs=0.05)
    assert accuracy(cohorts).min() == 0


@pytest.mark.parametrize("subjects", [6, 30])
def test_the_interval_holds_the_accuracy_of_19_in_20_cohorts(subjects: int) -> None:
    chance = np.random.default_rng(1)
    held = 0
    for _ in range(200):  # each subject has its own accuracy, 0.7 on average
        hits = chance.binomial(50, chance.beta(7, 3, size=subjects))
        counts = np.array([[[h, 50 - h], [0, 0]] for h in hits])
        bounds = interval(accuracy(resampled_subjects(counts, 300, chance)), subjects)
        assert bounds
        held += bounds.low <= 0.7 <= bounds.high
    assert 0.89 < held / 200 <= 1  # 0.95 in theory; plain percentiles of 6 subjects give 0.85


def test_of_fewer_than_six_subjects_there_is_no_interval() -> None:
    values = np.linspace(0, 1, 1001)
    assert interval(values, 5) is None
    few, many = interval(values, 6), interval(values, 10**6)
    assert few
    assert many
    assert (few.low, few.high) == pytest.approx((0.00243, 0.99757), abs=5e-5)  # expanded_tail(6)
    assert (many.low, many.high) == pytest.approx((0.025, 0.975), abs=1e-5)


def test_equal_subjects_give_an_interval_of_one_value() -> None:
    subjects = np.stack([np.diag([3, 1])] * 6)
    bounds = interval(accuracy(resampled_subjects(subjects, 100, np.random.default_rng(0))), 6)
    assert bounds
    assert (bounds.low, bounds.high) == (1, 1)
