"""The picture of the protocols: what each reaches, and how much that differs between people."""

from collections.abc import Sequence

from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.style import BLUE, GREY
from pipeline.figures.style import VERMILION as ORANGE
from pipeline.learning.protocols.plan import FRAME_RANDOM
from pipeline.learning.protocols.results import Outcome, Protocol

_DPI = 110


def picture(outcome: Outcome) -> Figure:
    """Return the accuracies of train, validation and test by protocol, and of each tested person."""
    figure = Figure(figsize=(9, 1.6 + 0.95 * len(outcome.protocols)), layout="constrained", dpi=_DPI)
    axes = figure.subplots()
    kinds = ("subject", "subjects") if outcome.about.caveat else ("person", "people")
    reach = f", with the interval by {kinds[1]}" if any(p.interval for p in outcome.protocols) else ""
    labels = (f"one {kinds[0]}", "train", "validation", f"test{reach}")
    for row, protocol in enumerate(outcome.protocols):
        _draw(axes, row, protocol, labels if row == 0 else ("_",) * len(labels))
    chance = 1 / len(outcome.about.classes)
    axes.axvline(chance, color=GREY, linewidth=1, linestyle=":", label=f"guessing: {chance:.0%}")
    axes.set_yticks(range(len(outcome.protocols)), [_told(protocol) for protocol in outcome.protocols])
    axes.set(xlim=(0, 1.02), ylim=(len(outcome.protocols) - 0.5, -0.5), xlabel="accuracy")
    axes.xaxis.set_major_formatter(ticker.PercentFormatter(1))
    axes.set_title(outcome.about.title, fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    return figure


def _draw(axes: Axes, row: int, protocol: Protocol, labels: Sequence[str]) -> None:
    """Draw one protocol: a small dot a person, marks for the means, a line over the interval by people."""
    one, train, validation, test = labels
    people = list(protocol.subjects.values())
    axes.scatter(people, [row + 0.22] * len(people), s=14, color=GREY, alpha=0.55, linewidths=0, label=one)
    sides = {side: figures.accuracy for side, figures in protocol.sides.items()}
    axes.scatter([sides["train"]], [row], s=34, marker="|", color=GREY, linewidths=2, label=train)
    axes.scatter(
        [sides["validation"]], [row], s=34, marker="o", facecolors="none", edgecolors=BLUE, label=validation
    )
    colour = ORANGE if protocol.name == FRAME_RANDOM else BLUE
    if protocol.interval:
        axes.plot([protocol.interval.low, protocol.interval.high], [row, row], color=colour, linewidth=2.4)
    axes.scatter([sides["test"]], [row], s=42, marker="D", color=colour, zorder=3, label=test)
    axes.annotate(
        f"{sides['test']:.1%}",
        (sides["test"], row),
        (0, 8),
        textcoords="offset points",
        ha="center",
        fontsize=9,
    )


def _told(protocol: Protocol) -> str:
    inflation = protocol.inflation
    if inflation is None:
        return protocol.name
    return f"{protocol.name}\nfrom the leak: {inflation * 100:+.1f} points"
