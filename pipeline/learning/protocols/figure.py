"""The figure of the protocols: accuracy of each on train, validation and test, and by test subject."""

from collections.abc import Sequence

from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.plots import BLUE, GREY, ORANGE
from pipeline.learning.protocols.registry import PROTOCOLS
from pipeline.learning.protocols.results import ProtocolResult, ProtocolResults
from pipeline.schema.split import TEST, TRAIN, VALIDATION

_DPI = 110


def protocols_figure(results: ProtocolResults) -> Figure:
    """Return a figure with one row per protocol."""
    protocols = results.protocols
    figure = Figure(figsize=(9, 1.6 + 0.95 * len(protocols)), layout="constrained", dpi=_DPI)
    axes = figure.subplots()
    interval = ", with 95 % interval by subject" if any(p.interval for p in protocols) else ""
    labels = ("one subject", "train", "validation", f"test{interval}")
    for row, protocol in enumerate(protocols):
        _draw(axes, row, protocol, labels if row == 0 else ("_",) * len(labels))
    chance = 1 / len(results.about.classes)
    axes.axvline(chance, color=GREY, linewidth=1, linestyle=":", label=f"chance: {chance:.0%}")
    axes.set_yticks(range(len(protocols)), [_label(protocol) for protocol in protocols])
    axes.set(xlim=(0, 1.02), ylim=(len(protocols) - 0.5, -0.5), xlabel="accuracy")
    axes.xaxis.set_major_formatter(ticker.PercentFormatter(1))
    axes.set_title(results.about.title, fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    return figure


def _draw(axes: Axes, row: int, protocol: ProtocolResult, labels: Sequence[str]) -> None:
    """Draw one protocol: a dot per subject, markers for the means, a line for the interval."""
    one, train, validation, test = labels
    subjects = list(protocol.subjects.values())
    axes.scatter(
        subjects, [row + 0.22] * len(subjects), s=14, color=GREY, alpha=0.55, linewidths=0, label=one
    )
    means = {side: metrics.accuracy for side, metrics in protocol.sides.items()}
    axes.scatter([means[TRAIN]], [row], s=34, marker="|", color=GREY, linewidths=2, label=train)
    axes.scatter(
        [means[VALIDATION]], [row], s=34, marker="o", facecolors="none", edgecolors=BLUE, label=validation
    )
    colour = ORANGE if PROTOCOLS[protocol.name].leaks else BLUE
    if protocol.interval:
        axes.plot([protocol.interval.low, protocol.interval.high], [row, row], color=colour, linewidth=2.4)
    axes.scatter([means[TEST]], [row], s=42, marker="D", color=colour, zorder=3, label=test)
    label, position = f"{means[TEST]:.1%}", (means[TEST], row)
    axes.annotate(label, position, (0, 8), textcoords="offset points", ha="center", fontsize=9)


def _label(protocol: ProtocolResult) -> str:
    if protocol.inflation is None:
        return protocol.name
    return f"{protocol.name}\ninflation: {protocol.inflation * 100:+.1f} points"
