"""The figures of the stage evaluate, from its tables: learning curves, confusion, calibration, mistakes."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from pipeline.figures.plots import (
    Mistake,
    confusion_plot,
    learning_curves,
    mistakes_sheet,
    reliability_diagram,
)
from pipeline.learning.evaluation.calibration import by_confidence, calibration_error
from pipeline.learning.evaluation.metrics import accuracy, confusion_matrix
from pipeline.schema.history import Epoch, best_epoch
from pipeline.schema.predictions import Prediction, worst_first

_CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def history_figure(history: Sequence[Epoch]) -> Figure:
    """Return the learning curves of reports/history.csv."""
    curves = {name: [getattr(row, name) for row in history] for name in _CURVES}
    return learning_curves(curves, best_epoch(history).epoch)


def confusion_figure(predictions: Sequence[Prediction], classes: Sequence[str]) -> Figure:
    """Return the confusion matrix of reports/predictions.csv; `classes` in the order of their labels."""
    label = {name: number for number, name in enumerate(classes)}
    actual, predicted = np.array([(label[row.actual], label[row.predicted]) for row in predictions]).T
    confusion = confusion_matrix(actual, predicted, len(classes))
    return confusion_plot(confusion, classes, f"test: {accuracy(confusion):.1%} of {len(predictions)} images")


def calibration_figure(predictions: Sequence[Prediction], bins: int) -> Figure:
    """Return the reliability diagram of reports/predictions.csv."""
    confidence = np.array([row.confidence for row in predictions])
    hits = np.array([row.is_correct for row in predictions])
    found = by_confidence(confidence, hits, bins)
    return reliability_diagram(found, f"test: expected calibration error {calibration_error(found):.1%}")


def mistakes_figure(
    predictions: Sequence[Prediction], images: Mapping[str, np.ndarray], limit: int
) -> Figure:
    """Return the most confident mistakes with their faces.

    Args:
        predictions: All test images.
        images: Name of the image -> (channels, side, side) uint8.
        limit: Largest number of mistakes shown.
    """
    mistakes = worst_first(predictions)
    shown = [_mistake(row, images[row.image]) for row in mistakes[:limit]]
    title = f"test: {len(mistakes)} mistakes of {len(predictions)} images"
    title += f", the {len(shown)} most confident" if shown else ""
    return mistakes_sheet(shown, title)


def _mistake(row: Prediction, pixels: np.ndarray) -> Mistake:
    image = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    return Mistake(image, row.subject, row.clip, row.time_s, row.actual, row.predicted, row.confidence)
