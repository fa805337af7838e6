"""Figures of training and evaluation: learning curves, confusion matrix, calibration and mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.style import BLUE, GREY, INK, VERMILION, new_figure, style_axes
from pipeline.learning.evaluation.calibration import Bin

_COLUMNS = 6
"""Faces in a row of the sheet of mistakes."""

_LONGEST_NAME = 24
"""Characters of a subject's or clip's name on the sheet of mistakes."""


@dataclass(frozen=True)
class Mistake:
    """One misclassified face, with its origin."""

    image: np.ndarray
    "(H, W) or (H, W, 3) uint8, RGB."
    subject: str
    clip: str
    time_s: float
    actual: str
    predicted: str
    confidence: float
    "Probability of the predicted class, 0..1."


def learning_curves(curves: Mapping[str, Sequence[float]], best_epoch: int) -> Figure:
    """Return loss and accuracy over the epochs.

    Args:
        curves: `train_loss`, `train_accuracy`, `validation_loss`, `validation_accuracy`; one value per epoch.
        best_epoch: The epoch whose weights were kept, 1 for the first.
    """
    figure = new_figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    for axes, what in ((left, "loss"), (right, "accuracy")):
        for split, colour in (("train", GREY), ("validation", BLUE)):
            values = curves[f"{split}_{what}"]
            axes.plot(range(1, len(values) + 1), values, color=colour, label=split, linewidth=1.6)
        label = f"best epoch: {best_epoch}"
        axes.axvline(best_epoch, color=VERMILION, linewidth=1, linestyle="--", label=label)
        axes.set(xlabel="epoch", title=what)
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    style_axes(left, right)
    right.set_ylim(0, 1.02)
    right.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    left.set_ylim(bottom=0)
    left.legend(frameon=False)
    return figure


def confusion_plot(confusion: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Return a confusion matrix, (k, k) int, rows actual: counts, coloured by their share of the row."""
    k = len(classes)
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    figure = new_figure(2.2 + 0.72 * k, 1.6 + 0.62 * k)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(confusion):
        share = shares[row, column]
        text = f"{confusion[row, column]}\n{share:.0%}"
        colour = "white" if share > 0.55 else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(k), classes, rotation=35, ha="right")
    axes.set_yticks(range(k), classes)
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def reliability_diagram(bins: Sequence[Bin], title: str) -> Figure:
    """Return accuracy over confidence, with the number of images per bin below.

    Bars on the diagonal: the model is right as often as its confidence says.
    """
    figure = new_figure(4.6, 5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = [row for row in bins if row.images]
    middles, width = np.array([(row.low + row.high) / 2 for row in filled]), 0.92 / len(bins)
    confidences = [row.confidence for row in filled]
    ends = (middles - width / 2, middles + width / 2)
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="perfect calibration")
    upper.bar(middles, [row.accuracy for row in filled], width, color=BLUE, label="accuracy")
    upper.hlines(confidences, *ends, VERMILION, linewidth=3, label="mean confidence")
    upper.set(ylim=(0, 1.02), ylabel="accuracy", title=title)
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    lower.bar(middles, [row.images for row in filled], width, color=GREY)
    lower.set(xlim=(0, 1), xlabel="confidence", ylabel="images")
    style_axes(upper, lower)
    lower.xaxis.set_major_formatter(ticker.PercentFormatter(1))
    lower.xaxis.set_major_locator(ticker.MultipleLocator(0.2))
    upper.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    return figure


def mistakes_sheet(mistakes: Sequence[Mistake], title: str) -> Figure:
    """Return the misclassified faces in the order given, each with its classes and its origin."""
    rows = max(1, -(-len(mistakes) // _COLUMNS))
    figure = new_figure(1.75 * _COLUMNS, 0.5 + 2.35 * rows)
    figure.suptitle(title, fontsize=10)
    for number, axes in enumerate(figure.subplots(rows, _COLUMNS, squeeze=False).flat):
        axes.set_axis_off()
        if number < len(mistakes):
            _draw_mistake(axes, mistakes[number])
    return figure


def _draw_mistake(axes: Axes, mistake: Mistake) -> None:
    axes.imshow(mistake.image, cmap="gray", vmin=0, vmax=255)
    classes = f"{mistake.actual}\n→ {mistake.predicted} {mistake.confidence:.0%}"
    origin = f"{_shortened(mistake.subject)}, {mistake.time_s:.2f} s\n{_shortened(mistake.clip)}"
    text = f"{classes}\n{origin}"
    axes.text(0.5, -0.04, text, transform=axes.transAxes, ha="center", va="top", fontsize=7)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
