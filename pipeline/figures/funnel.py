"""The funnel: how many sampled frames have each status, as horizontal bars.

The stage `dataset` draws it with Pillow: loading Matplotlib would take longer than everything else that the
stage does after a small change. `funnel_plot` draws the same with Matplotlib, for vector output.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from pipeline.figures.style import GREEN, INK, PAPER, VERMILION, font, new_figure, save_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLE = "From sampled frames to images"
_ENDS = ("sampled", "images")
_WIDTH, _TOP, _STEP, _BAR, _LEFT, _LONGEST = 880, 46, 52, 40, 150, 540


def funnel_figure(counts: Mapping[str, int], path: Path) -> None:
    """Write the funnel as PNG.

    Args:
        counts: Frames by status, `sampled` first and `images` last; empty statuses in between are omitted.
        path: The file.
    """
    bars = _bars(counts)
    image = Image.new("RGB", (_WIDTH, _TOP + _STEP * len(bars)), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((_LEFT, 12), _TITLE, INK, font(19))
    for row, (name, share, label, colour) in enumerate(bars):
        top, end = _TOP + row * _STEP, _LEFT + round(_LONGEST * share)
        draw.rectangle((_LEFT, top, end, top + _BAR), colour)
        middle = top + _BAR // 2
        draw.text((_LEFT - 10, middle), name, INK, font(16), anchor="rm")
        draw.text((end + 10, middle), label, INK, font(16), anchor="lm")
    draw.line((_LEFT, _TOP - 6, _LEFT, image.height - 6), INK)
    save_image(image, path)


def funnel_plot(counts: Mapping[str, int]) -> "Figure":
    """Return the funnel as a Matplotlib figure; `counts` as in `funnel_figure`."""
    bars = _bars(counts)
    figure = new_figure(8, 0.6 + 0.45 * len(bars))
    axes = figure.subplots()
    names, shares, labels, colours = zip(*bars, strict=True)
    drawn = axes.barh(range(len(bars)), shares, color=colours, height=0.75)
    axes.bar_label(drawn, labels, padding=5, color=INK)
    axes.set_yticks(range(len(bars)), names)
    axes.set(xlim=(0, 1.25), ylim=(len(bars) - 0.5, -0.5), xticks=[], title=_TITLE)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _bars(counts: Mapping[str, int]) -> list[tuple[str, float, str, str]]:
    """Return the name, the share of the sampled frames, the label and the colour of each bar."""
    total = max(counts["sampled"], 1)
    return [
        (
            name.replace("_", " "),
            number / total,
            f"{number:,}  ({number / total:.1%})",
            GREEN if name in _ENDS else VERMILION,
        )
        for name, number in counts.items()
        if number or name in _ENDS
    ]
