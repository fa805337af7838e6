"""Plots of the dataset.

Drawn with Pillow: loading a plotting library would take longer than all else that the stage dataset does
after a small change.
"""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pipeline.runtime.files import replacing

_INK, _PAPER = (31, 41, 51), (255, 255, 255)
_GOOD, _LOST = (42, 127, 98), (194, 112, 61)
_ENDS = ("sampled", "images")
_WIDTH, _TOP, _STEP, _BAR, _LEFT, _LONGEST = 880, 46, 52, 40, 150, 540


def funnel_figure(counts: Mapping[str, int], path: Path) -> None:
    """Draw what became of the sampled frames as horizontal bars; the first and last are the ends."""
    shown = {name: n for name, n in counts.items() if n or name in _ENDS}
    total = max(counts["sampled"], 1)
    image = Image.new("RGB", (_WIDTH, _TOP + _STEP * len(shown)), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((_LEFT, 12), "From sampled frames to images", _INK, ImageFont.load_default(19))
    for row, (name, n) in enumerate(shown.items()):
        top, end = _TOP + row * _STEP, _LEFT + round(_LONGEST * n / total)
        draw.rectangle((_LEFT, top, end, top + _BAR), _GOOD if name in _ENDS else _LOST)
        middle, font = top + _BAR // 2, ImageFont.load_default(16)
        draw.text((_LEFT - 10, middle), name.replace("_", " "), _INK, font, anchor="rm")
        draw.text((end + 10, middle), f"{n:,}  ({n / total:.1%})", _INK, font, anchor="lm")
    draw.line((_LEFT, _TOP - 6, _LEFT, image.height - 6), _INK)
    with replacing(path) as temporary:
        image.save(temporary, format="PNG")
