"""Redraw the figures of a project from its tables, in any format: SVG and PDF for papers.

Reads reports/history.csv, reports/predictions.csv, reports/funnel.csv and data/census.csv; needs neither the
images nor the model.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pipeline.figures.funnel import funnel_plot
from pipeline.figures.plots import confusion_plot, learning_curves, reliability_diagram
from pipeline.figures.style import check_format, save_figure
from pipeline.learning.evaluation.calibration import by_confidence, calibration_error
from pipeline.learning.evaluation.metrics import accuracy, confusion_matrix
from pipeline.runtime.params import read_params
from pipeline.schema.census import read_census
from pipeline.schema.funnel import funnel_totals, read_funnel
from pipeline.schema.history import Epoch, best_epoch, read_history
from pipeline.schema.predictions import Prediction, read_predictions

_CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def redraw(folder: Path, format: str) -> list[Path]:
    """Write learning_curves, confusion, calibration and funnel into `folder`; return the files.

    Args:
        folder: Created if it is missing; files of the same names are replaced.
        format: `svg`, `pdf` or `png`.

    Raises:
        EmoError: The format is another, or a table is missing or damaged.
    """
    check_format(format)
    predictions = read_predictions()
    classes = {row.expression for row in read_census()}
    classes |= {name for row in predictions for name in (row.actual, row.predicted)}
    figures = {
        "learning_curves": history_figure(read_history()),
        "confusion": confusion_figure(predictions, sorted(classes)),
        "calibration": calibration_figure(predictions, read_params()["evaluate"]["calibration_bins"]),
        "funnel": funnel_plot(funnel_totals(read_funnel())),
    }
    paths = {folder / f"{name}.{format}": figure for name, figure in figures.items()}
    for path, figure in paths.items():
        save_figure(figure, path)
    return list(paths)


def history_figure(history: Sequence[Epoch]) -> Figure:
    """Return the learning curves of reports/history.csv."""
    curves = {name: [getattr(row, name) for row in history] for name in _CURVES}
    return learning_curves(curves, best_epoch(history).epoch)


def confusion_figure(predictions: Sequence[Prediction], classes: Sequence[str]) -> Figure:
    """Return the confusion matrix of reports/predictions.csv; `classes` in the order of their labels."""
    labels = {name: label for label, name in enumerate(classes)}
    actual, predicted = (
        np.array([labels[getattr(row, name)] for row in predictions], np.int64)
        for name in ("actual", "predicted")
    )
    confusion = confusion_matrix(actual, predicted, len(classes))
    return confusion_plot(confusion, classes, f"test: {accuracy(confusion):.1%} of {len(predictions)} images")


def calibration_figure(predictions: Sequence[Prediction], bins: int) -> Figure:
    """Return the reliability diagram of reports/predictions.csv."""
    confidence = np.array([row.confidence for row in predictions])
    hits = np.array([row.is_correct for row in predictions])
    found = by_confidence(confidence, hits, bins)
    return reliability_diagram(found, f"test: expected calibration error {calibration_error(found):.1%}")
