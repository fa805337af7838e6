"""Calibration: how well predicted probabilities agree with the share of correct predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bin:
    """A range of confidence and the images in it."""

    low: float
    "Lower bound of the confidence, exclusive (inclusive for the first bin)."
    high: float
    "Upper bound of the confidence, inclusive."
    images: int
    "Number of images."
    confidence: float
    "Mean confidence; 0 without images."
    accuracy: float
    "Share of correct predictions; 0 without images."


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> list[Bin]:
    """Return the images by confidence, in bins of equal width.

    Args:
        probabilities: (n, classes), each row sums to 1; its largest value is the confidence.
        labels: (n,) int, positions of the actual classes.
        bins: Number of bins.
    """
    return by_confidence(probabilities.max(1), probabilities.argmax(1) == labels, bins)


def by_confidence(confidence: np.ndarray, hits: np.ndarray, bins: int) -> list[Bin]:
    """Return the images by confidence, in bins of equal width (Guo et al. 2017, section 2).

    Args:
        confidence: (n,), probability of the predicted class, 0..1.
        hits: (n,) bool, whether the prediction is correct.
        bins: Number of bins.
    """
    confidence = confidence.astype(np.float64)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, values, bins) for values in (confidence, hits))
    means = (total / np.maximum(images, 1) for total in sums)
    rows = zip(images.tolist(), *(mean.tolist() for mean in means), strict=True)
    return [Bin(number / bins, (number + 1) / bins, *row) for number, row in enumerate(rows)]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean over images of |accuracy - confidence| of their bin.

    Naeini, Cooper & Hauskrecht 2015, Obtaining well calibrated probabilities using Bayesian binning; Guo,
    Pleiss, Sun & Weinberger 2017, On calibration of modern neural networks. It is biased upwards for few
    images.
    """
    images = sum(row.images for row in bins)
    return sum(row.images * abs(row.accuracy - row.confidence) for row in bins) / images


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean squared distance of the probabilities (n, classes) from the actual class: 0 to 2.

    Summed over classes, as in Brier 1950, Verification of forecasts expressed in terms of probability.
    """
    actual = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - actual) ** 2).sum(1).mean())
