"""Pictures of how training went and what the net gets wrong; the same figures give the same bytes."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline.learning.evaluation.calibration import Bin
from pipeline.runtime.files import replacing

BLUE, ORANGE, GREY = "#2f6db3", "#d9792b", "#666666"
_COLUMNS = 6  # faces a row of the sheet
_DPI = 110


@dataclass(frozen=True)
class Mistake:
    """One face on the sheet of mistakes."""

    image: np.ndarray
    "(h, w) or (h, w, 3) uint8"
    subject: str
    clip: str
    time_s: float
    actual: str
    predicted: str
    confidence: float


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure without the version and date that matplotlib would put in."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def learning_curves(curves: Mapping[str, Sequence[float]], best_epoch: int) -> Figure:
    """Return loss and accuracy over the epochs.

    Args:
        curves: `train_loss`, `train_accuracy`, `validation_loss`, `validation_accuracy`, an epoch each.
        best_epoch: The epoch whose weights were kept, 1 for the first.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained", dpi=_DPI)
    left, right = figure.subplots(1, 2)
    for axes, what in ((left, "loss"), (right, "accuracy")):
        for split, colour in (("train", GREY), ("validation", BLUE)):
            values = curves[f"{split}_{what}"]
            axes.plot(range(1, len(values) + 1), values, color=colour, label=split, linewidth=1.6)
        axes.axvline(best_epoch, color=ORANGE, linewidth=1, linestyle="--", label=f"kept: {best_epoch}")
        axes.set(xlabel="epoch", title=what)
        _plain(axes)
    right.set_ylim(0, 1.02)
    right.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    left.set_ylim(bottom=0)
    left.legend(frameon=False)
    return figure


def confusion_plot(confusion: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Return the confusion matrix (k, k) as a picture: counts, coloured by the share of each row."""
    k = len(classes)
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(2.2 + 0.72 * k, 1.6 + 0.62 * k), layout="constrained", dpi=_DPI)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(k, k):
        count, share = confusion[row, column], shares[row, column]
        if count:
            axes.text(
                column,
                row,
                f"{count}\n{share:.0%}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share > 0.55 else "#222222",
            )
    axes.set_xticks(range(k), classes, rotation=35, ha="right")
    axes.set_yticks(range(k), classes)
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def reliability_diagram(bins: Sequence[Bin], title: str) -> Figure:
    """Return accuracy over confidence, and how many images each bin has; on the diagonal all is well."""
    figure = Figure(figsize=(4.6, 5), layout="constrained", dpi=_DPI)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = [row for row in bins if row.images]
    middles, width = np.array([(row.low + row.high) / 2 for row in filled]), 0.92 / len(bins)
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as sure as right")
    upper.bar(middles, [row.accuracy for row in filled], width, color=BLUE, label="accuracy")
    confidences = [row.confidence for row in filled]
    upper.hlines(
        confidences, middles - width / 2, middles + width / 2, ORANGE, linewidth=3, label="mean confidence"
    )
    upper.set(ylim=(0, 1.02), ylabel="accuracy", title=title)
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    lower.bar(middles, [row.images for row in filled], width, color=GREY)
    lower.set(xlim=(0, 1), xlabel="confidence", ylabel="images")
    for axes in (upper, lower):
        _plain(axes)
        axes.xaxis.set_major_formatter(ticker.PercentFormatter(1))
        axes.xaxis.set_major_locator(ticker.MultipleLocator(0.2))
    upper.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    return figure


def mistakes_sheet(mistakes: Sequence[Mistake], title: str) -> Figure:
    """Return the mistakes as faces with their provenance under each, in the order given."""
    rows = max(1, -(-len(mistakes) // _COLUMNS))
    figure = Figure(figsize=(1.75 * _COLUMNS, 0.5 + 2.35 * rows), layout="constrained", dpi=_DPI)
    figure.suptitle(title, fontsize=10)
    for number, axes in enumerate(figure.subplots(rows, _COLUMNS, squeeze=False).flat):
        axes.set_axis_off()
        if number < len(mistakes):
            _face(axes, mistakes[number])
    return figure


def _face(axes: Axes, mistake: Mistake) -> None:
    axes.imshow(mistake.image, cmap="gray", vmin=0, vmax=255)
    where = f"{_short(mistake.subject)}, {mistake.time_s:.2f} s\n{_short(mistake.clip)}"
    what = f"{mistake.actual}\n→ {mistake.predicted} {mistake.confidence:.0%}"
    axes.text(0.5, -0.04, f"{what}\n{where}", transform=axes.transAxes, ha="center", va="top", fontsize=7)


def _short(name: str, limit: int = 24) -> str:
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
