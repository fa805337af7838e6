"""Plots of the dataset."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.core.tables import replacing

INK, GOOD, LOST = "#1f2933", "#2a7f62", "#c2703d"


def funnel_figure(counts: Mapping[str, int], path: Path) -> None:
    """Draw what became of the sampled frames as horizontal bars; the first and last are the ends."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = [name for name, n in counts.items() if n or name in ("sampled", "images")]
    values = [counts[name] for name in names]
    figure, axes = plt.subplots(figsize=(8, 0.5 * len(names) + 1), layout="constrained")
    colours = [GOOD if name in ("sampled", "images") else LOST for name in names]
    bars = axes.barh([name.replace("_", " ") for name in names], values, color=colours)
    total = max(counts["sampled"], 1)
    axes.bar_label(bars, [f"{n:,}  ({n / total:.1%})" for n in values], padding=4, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, total * 1.2)
    axes.set_title("From sampled frames to images", loc="left", color=INK)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.xaxis.set_visible(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
