"""Drawings of frames: one with its face box, and all sampled frames of a clip in a strip."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pipeline.figures import style
from pipeline.figures.style import STATUS_COLOURS, cut_end, font, rgb, wrapped

Box = tuple[float, float, float, float]

INK, PAPER, FAINT = rgb(style.INK), rgb(style.PAPER), rgb(style.FAINT)

COLOURS: Mapping[str, tuple[int, int, int]] = {name: rgb(colour) for name, colour in STATUS_COLOURS.items()}
"""By status of a frame."""

_THUMB, _GAP, _FRAME = 224, 14, 6
"""Longer side of a frame in a strip, gap between frames, and width of the coloured edge, pixels."""

_PER_ROW = 6
_PAD = 20
_LEAST_WIDTH = 4 * (_THUMB + 2 * _FRAME + _GAP)
"""Smallest width of a strip, for the title and the legend, pixels."""


@dataclass(frozen=True)
class Cell:
    """One frame of a strip, scaled down."""

    image: Image.Image
    "With its box drawn."
    outcome: str
    "A key of COLOURS."
    lines: tuple[str, str]
    "Text below it; too long lines are cut."


# --- A frame --------------------------------------------------------------------------------------


def annotated_frame(pixels: np.ndarray, box: Box | None, outcome: str, caption: Sequence[str]) -> Image.Image:
    """Return a frame, (H, W, 3) uint8 BGR, at its full size with the box of the face and a caption below.

    `box` is (x, y, w, h) in pixels. Too long lines of the caption are broken.
    """
    frame = _rgb(pixels)
    if box:
        _draw_box(frame, box, COLOURS[outcome])
    size = max(13, round(frame.width / 60))
    lines = [piece for line in caption for piece in wrapped(line, size, frame.width - 2 * size)]
    sheet = Image.new("RGB", (frame.width, frame.height + round(size * (1.4 * len(lines) + 1.2))), PAPER)
    sheet.paste(frame, (0, 0))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, frame.height, frame.width, frame.height + max(3, size // 4)), COLOURS[outcome])
    for row, line in enumerate(lines):
        corner = (size, frame.height + round(size * (0.8 + 1.4 * row)))
        draw.text(corner, line, FAINT if row else INK, font(size))
    return sheet


# --- A strip --------------------------------------------------------------------------------------


def cell(pixels: np.ndarray, box: Box | None, outcome: str, lines: tuple[str, str]) -> Cell:
    """Return a frame, (H, W, 3) uint8 BGR, with the box of its face (in its pixels) as a cell of a strip."""
    scale = _THUMB / max(pixels.shape[:2])
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    small = _rgb(pixels).resize((width, height), Image.Resampling.LANCZOS)
    if box:
        _draw_box(small, tuple(value * scale for value in box), COLOURS[outcome])
    return Cell(small, outcome, lines)


def strip(title: Sequence[str], cells: Sequence[Cell], legend: Mapping[str, str]) -> Image.Image:
    """Return the frames of a clip in rows of at most six, each with an edge in the colour of its outcome.

    `title` are the lines at the top, the first in larger type; `legend` maps outcomes to their labels.
    """
    rows = -(-len(cells) // _PER_ROW)
    columns = -(-len(cells) // max(rows, 1))
    wide, high = _cell_extent(cells)
    top = _PAD + 34 + 24 * len(title[1:]) + 40
    width = max(columns * wide - _GAP, _LEAST_WIDTH, _title_width(title, legend)) + 2 * _PAD
    sheet = Image.new("RGB", (width, top + rows * high + _PAD - _GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    _write_title(draw, title, legend)
    for number, item in enumerate(cells):
        row, column = divmod(number, columns)
        _paste(sheet, draw, item, (_PAD + column * wide, top + row * high))
    return sheet


def _cell_extent(cells: Sequence[Cell]) -> tuple[int, int]:
    """Return the (width, height) from one cell to the next; a narrow frame leaves room for its text."""
    width = max([_THUMB * 3 // 4, *(item.image.width for item in cells)])
    height = max([0, *(item.image.height for item in cells)])
    return width + 2 * _FRAME + _GAP, height + 2 * _FRAME + 48 + _GAP


def _title_width(title: Sequence[str], legend: Mapping[str, str]) -> int:
    """Return the width of the longest line above the cells."""
    entries = sum(_legend_width(label) for label in legend.values())
    lines = (font(17).getlength(line) for line in title[1:])
    return math.ceil(max(font(26).getlength(title[0]), entries, *lines))


def _legend_width(label: str) -> int:
    """Return the width of one entry of the legend, with its colour and the gap after it."""
    return 24 + round(font(17).getlength(label)) + 28


def _write_title(draw: ImageDraw.ImageDraw, title: Sequence[str], legend: Mapping[str, str]) -> None:
    draw.text((_PAD, _PAD), title[0], INK, font(26))
    for row, line in enumerate(title[1:]):
        draw.text((_PAD, _PAD + 38 + 24 * row), line, FAINT, font(17))
    left, top = _PAD, _PAD + 38 + 24 * len(title[1:]) + 6
    for outcome, label in legend.items():
        draw.rectangle((left, top + 2, left + 16, top + 18), COLOURS[outcome])
        draw.text((left + 24, top), label, INK, font(17))
        left += _legend_width(label)


def _paste(sheet: Image.Image, draw: ImageDraw.ImageDraw, item: Cell, corner: tuple[int, int]) -> None:
    left, top = corner
    right, bottom = (left + item.image.width + 2 * _FRAME, top + item.image.height + 2 * _FRAME)
    draw.rectangle((left, top, right - 1, bottom - 1), COLOURS[item.outcome])
    sheet.paste(item.image, (left + _FRAME, top + _FRAME))
    for row, line in enumerate(item.lines):
        width = max(item.image.width, _THUMB * 3 // 4) + 2 * _FRAME
        place = (left, bottom + 5 + 21 * row)
        draw.text(place, cut_end(line, 16, width), FAINT if row else INK, font(16))


# --- Drawing --------------------------------------------------------------------------------------


def _rgb(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]))


def _draw_box(image: Image.Image, box: Box, colour: tuple[int, int, int]) -> None:
    """Draw a box (x, y, w, h) with a dark and a light line beside the colour, visible on any background."""
    thick = max(2, round(max(image.size) / 240))
    x, y, w, h = (round(value) for value in box)
    draw = ImageDraw.Draw(image)
    for grow, ink, width in ((thick + 1, INK, 1), (thick, colour, thick), (0, PAPER, 1)):
        draw.rectangle((x - grow, y - grow, x + w - 1 + grow, y + h - 1 + grow), outline=ink, width=width)
