"""Metrics of a classifier, from actual and predicted classes, and their intervals by resampling subjects."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class; a score is 0 if its denominator is 0."""

    precision: float
    "Share of the images predicted as the class that are of the class."
    recall: float
    "Share of the class's images that are predicted as the class."
    f1: float
    "Harmonic mean of precision and recall."
    support: int
    "Number of images of the class."


@dataclass(frozen=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


def confusion_matrix(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return (classes, classes) int64 counts, rows the actual class, columns the predicted one."""
    cells = np.bincount(actual * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the accuracy (...) of confusion matrices (..., k, k)."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def f1_scores(confusion: np.ndarray) -> np.ndarray:
    """Return F1 of each class (..., k) of confusion matrices (..., k, k): 2 hits / (actual + predicted)."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _ratio(2 * hits, confusion.sum(-1) + confusion.sum(-2))


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Return the mean F1 (...) of confusion matrices (..., k, k) over the classes that occur in them.

    A class that is neither actual nor predicted is left out, as in scikit-learn's `f1_score`.
    """
    occurs = (confusion.sum(-1) + confusion.sum(-2)) > 0
    return _ratio(f1_scores(confusion).sum(-1), occurs.sum(-1))


def class_scores(confusion: np.ndarray) -> list[ClassScores]:
    """Return the scores of each class of one confusion matrix (k, k)."""
    hits = np.diagonal(confusion)
    precision, recall = _ratio(hits, confusion.sum(0)), _ratio(hits, confusion.sum(1))
    columns = (precision.tolist(), recall.tolist(), f1_scores(confusion).tolist(), confusion.sum(1).tolist())
    return [ClassScores(*row) for row in zip(*columns, strict=True)]


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -log p(actual class), p (n, k), labels (n,); p is clipped to 1e-12."""
    actual = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(actual, 1e-12)).mean())


def resampled_subjects(confusions: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Return confusion matrices (resamples, ..., k, k) of cohorts drawn from the subjects with replacement.

    Images of one subject are not independent of each other, so subjects are drawn, not images: the cluster
    bootstrap (Davison & Hinkley 1997, Bootstrap methods and their application, section 3.8).

    Args:
        confusions: (subjects, ..., k, k), one matrix per subject, or several that are drawn together.
        resamples: Number of cohorts, each of as many subjects as there are.
        generator: Source of all random numbers.
    """
    subjects = len(confusions)
    times = generator.multinomial(subjects, np.full(subjects, 1 / subjects), resamples)
    return np.einsum("rs,s...->r...", times, confusions)


def interval(values: np.ndarray, subjects: int) -> Interval | None:
    """Return the 95 % interval of a metric from its values on resampled cohorts; None for too few subjects.

    The expanded percentile interval (Hesterberg 2015, What teachers should know about the bootstrap, section
    5.3): its percentiles are further out than 2.5 and 97.5, because resampling few subjects underestimates
    the variance.

    Args:
        values: (resamples,), the metric on each cohort.
        subjects: Number of subjects; fewer than FEWEST give None.
    """
    if subjects < FEWEST:
        return None
    tail = 100 * expanded_tail(subjects)
    low, high = np.percentile(values, (tail, 100 - tail))
    return Interval(float(low), float(high))


def accuracy_difference(
    first: np.ndarray, second: np.ndarray, resamples: int, generator: np.random.Generator
) -> Interval | None:
    """Return the `interval` of the second's accuracy minus the first's, measured on the same subjects.

    Subjects are drawn with replacement, each with both of its matrices.

    Args:
        first: (subjects, k, k), one matrix per subject.
        second: The same subjects in the same order.
        resamples: Number of cohorts.
        generator: Source of all random numbers.
    """
    cohorts = accuracy(resampled_subjects(np.stack([first, second], 1), resamples, generator))
    return interval(cohorts[:, 1] - cohorts[:, 0], len(first))


FEWEST = 6
"""Smallest number of subjects for an interval: that all of five subjects do better with one of two equal
recipes happens by chance in one of 16 cases."""


def expanded_tail(n: int) -> float:
    """Return the share to cut off at each end of a bootstrap of n values for 95 %: 0.025 for large n.

    The share of a normal distribution beyond Student's t quantile times sqrt(n / (n - 1)) (Hesterberg 2015).
    """
    normal, free = NormalDist(), n - 1
    z = normal.inv_cdf(0.975)
    # Student's quantile to four digits: Abramowitz & Stegun 1964, 26.7.5
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    return normal.cdf(-t * (n / free) ** 0.5)


def subject_confusions(
    actual: np.ndarray, predicted: np.ndarray, subjects: Sequence[str], classes: int
) -> dict[str, np.ndarray]:
    """Return the confusion matrix (classes, classes) of each subject, in the order of the ids.

    Args:
        actual: (n,) int, positions of the actual classes.
        predicted: (n,) int, positions of the predicted classes.
        subjects: n ids, of the subject of each image.
        classes: Number of classes.
    """
    ids = np.asarray(subjects)
    return {
        str(subject): confusion_matrix(actual[ids == subject], predicted[ids == subject], classes)
        for subject in np.unique(ids)
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, and 0 where whole is 0."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)
