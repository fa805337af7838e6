"""Figures of how well a classifier does, from the actual and the predicted classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class; each is 0 where it would divide by 0."""

    precision: float
    "share of the images predicted as the class that are of it"
    recall: float
    "share of the class's images that are predicted as it"
    f1: float
    "harmonic mean of precision and recall"
    support: int
    "images of the class"


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
    """Return the share of hits of confusion matrices (..., k, k)."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def f1_scores(confusion: np.ndarray) -> np.ndarray:
    """Return F1 of each class (..., k) of confusion matrices (..., k, k): 2 hits / (actual + predicted)."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _ratio(2 * hits, confusion.sum(-1) + confusion.sum(-2))


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Return the mean F1 of confusion matrices (..., k, k) over the classes that occur in them.

    A class that is neither actual nor predicted does not count, as in scikit-learn's `f1_score`.
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
    """Return the mean of -log p(actual class), p (n, k), labels (n,); p is taken as 1e-12 at least."""
    actual = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(actual, 1e-12)).mean())


def resampled_subjects(confusions: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Return confusion matrices (resamples, ..., k, k) of cohorts drawn from the subjects with replacement.

    Images of one person are not independent of each other, so people are drawn, not images: the cluster
    bootstrap (Davison & Hinkley 1997, Bootstrap methods and their application, section 3.8).

    Args:
        confusions: (subjects, ..., k, k), one matrix a subject, or several that are drawn together.
        resamples: Number of cohorts, each of as many people as there are subjects.
        generator: The only source of chance.
    """
    subjects = len(confusions)
    times = generator.multinomial(subjects, np.full(subjects, 1 / subjects), resamples)
    return np.einsum("rs,s...->r...", times, confusions)


def interval(values: np.ndarray, subjects: int) -> Interval | None:
    """Return the 95 % interval of a figure whose `values` are those of cohorts drawn from so many subjects.

    None for fewer than FEWEST subjects. The percentiles are those that make up for few subjects, which vary
    too little among themselves (the expanded percentile interval: Hesterberg 2015, What teachers should know
    about the bootstrap, section 5.3).
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
        first: (subjects, k, k), one matrix a subject.
        second: The same subjects in the same order.
        resamples: Number of cohorts.
        generator: The only source of chance.
    """
    cohorts = accuracy(resampled_subjects(np.stack([first, second], 1), resamples, generator))
    return interval(cohorts[:, 1] - cohorts[:, 0], len(first))


FEWEST = 6
"""Subjects from which on there is an interval: even if all of five do better with one of two recipes, that
happens in one of 16 cases by chance."""


def expanded_tail(n: int) -> float:
    """Return the share to cut off at each end of a bootstrap of n values for 95 %: 0.025 for many.

    That of a normal distribution beyond Student's t quantile times sqrt(n / (n - 1)) (Hesterberg 2015).
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
    """Return one confusion matrix a subject, in the order of their ids."""
    ids = np.asarray(subjects)
    return {
        str(subject): confusion_matrix(actual[ids == subject], predicted[ids == subject], classes)
        for subject in np.unique(ids)
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, 0 where whole is 0."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)
