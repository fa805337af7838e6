"""The figures of the stage evaluate: learning curves, confusion matrix, mistakes, calibration."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.figures.plots import (
    Mistake,
    confusion_plot,
    learning_curves,
    mistakes_sheet,
    reliability_diagram,
    save_png,
)
from pipeline.learning.evaluation.calibration import calibration_error, reliability
from pipeline.learning.evaluation.metrics import accuracy, confusion_matrix
from pipeline.runtime.paths import CALIBRATION_PLOT, CONFUSION_PLOT, CURVES_PLOT, MISTAKES_PLOT
from pipeline.schema.history import Epoch, best_epoch
from pipeline.schema.predictions import Prediction, worst_first


def draw_learning_curves(history: Sequence[Epoch]) -> None:
    """Write reports/learning_curves.png."""
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    curves = {name: [getattr(row, name) for row in history] for name in names}
    save_png(learning_curves(curves, best_epoch(history).epoch), CURVES_PLOT)


def draw_confusion(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> None:
    """Write reports/confusion.png, from labels and predictions (n,) int of the test images."""
    confusion = confusion_matrix(labels, predicted, len(classes))
    title = f"test: {accuracy(confusion):.1%} of {len(labels)} images"
    save_png(confusion_plot(confusion, classes, title), CONFUSION_PLOT)


def draw_mistakes(predictions: Sequence[Prediction], images: Mapping[str, np.ndarray], limit: int) -> None:
    """Write reports/mistakes.png: the most confident mistakes.

    Args:
        predictions: All test images.
        images: Name of the image -> (channels, side, side) uint8.
        limit: Largest number of mistakes shown.
    """
    mistakes = worst_first(predictions)
    shown = [mistake(row, images[row.image]) for row in mistakes[:limit]]
    title = f"test: {len(mistakes)} mistakes of {len(predictions)} images"
    title += f", the {len(shown)} most confident" if shown else ""
    save_png(mistakes_sheet(shown, title), MISTAKES_PLOT)


def mistake(row: Prediction, pixels: np.ndarray) -> Mistake:
    """Return a misclassified image (channels, side, side) uint8 for the sheet."""
    image = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    return Mistake(image, row.subject, row.clip, row.time_s, row.actual, row.predicted, row.confidence)


def draw_calibration(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> None:
    """Write reports/calibration.png, from probabilities (n, classes) and labels (n,) of the test images."""
    rows = reliability(probabilities, labels, bins)
    title = f"test: expected calibration error {calibration_error(rows):.1%}"
    save_png(reliability_diagram(rows, title), CALIBRATION_PLOT)
