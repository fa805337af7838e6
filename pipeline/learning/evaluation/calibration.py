"""How far the probabilities of a net may be believed, from them and the actual classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bin:
    """The images of which the net is about equally sure."""

    low: float
    "confidence, exclusive; of the first bin inclusive"
    high: float
    "confidence, inclusive"
    images: int
    confidence: float
    "mean; 0 where there is no image"
    accuracy: float
    "share of hits; 0 where there is no image"


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> list[Bin]:
    """Return the images by confidence, in bins of equal width.

    Args:
        probabilities: (n, classes), rows add up to 1; the largest of a row is its confidence.
        labels: (n,), positions of the actual classes.
        bins: Their number.
    """
    return by_confidence(probabilities.max(1), probabilities.argmax(1) == labels, bins)


def by_confidence(confidence: np.ndarray, hits: np.ndarray, bins: int) -> list[Bin]:
    """Return the images by confidence, in bins of equal width (Guo et al. 2017, section 2).

    Args:
        confidence: (n,), the probability of the class that was predicted, 0 to 1.
        hits: (n,), whether it was the actual one.
        bins: Their number.
    """
    confidence = confidence.astype(np.float64)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, values, bins) for values in (confidence, hits))
    means = (total / np.maximum(images, 1) for total in sums)
    rows = zip(images.tolist(), *(mean.tolist() for mean in means), strict=True)
    return [Bin(number / bins, (number + 1) / bins, *row) for number, row in enumerate(rows)]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return how far confidence and accuracy lie apart, the mean over images.

    The expected calibration error (Naeini, Cooper & Hauskrecht 2015, Obtaining well calibrated
    probabilities using Bayesian binning; Guo, Pleiss, Sun & Weinberger 2017, On calibration of modern
    neural networks). Of few images it is too large: chance alone moves the bins apart.
    """
    images = sum(row.images for row in bins)
    return sum(row.images * abs(row.accuracy - row.confidence) for row in bins) / images


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean squared distance of the probabilities (n, classes) from the actual class: 0 to 2.

    Summed over classes, as Brier 1950 (Verification of forecasts expressed in terms of probability) has it.
    """
    actual = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - actual) ** 2).sum(1).mean())
