"""Pictures that show where images come from: a frame with its face, and a clip frame by frame."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.figures import style
from pipeline.figures.style import STATUS_COLOURS, rgb

Box = tuple[float, float, float, float]

INK, PAPER, FAINT = rgb(style.INK), rgb(style.PAPER), rgb(style.FAINT)

COLOURS: Mapping[str, tuple[int, int, int]] = {name: rgb(colour) for name, colour in STATUS_COLOURS.items()}
"""By status of a frame."""

_THUMB, _GAP, _FRAME = 224, 14, 6
"""Longer side of a small picture, the room between two, and the coloured edge, pixels."""

_PER_ROW = 6
_PAD = 20
_LEAST_WIDTH = 4 * (_THUMB + 2 * _FRAME + _GAP)
"""Room for the title and the legend, pixels."""


@dataclass(frozen=True)
class Cell:
    """One frame of a strip, scaled down."""

    picture: Image.Image
    "with its box drawn"
    fate: str
    "a key of COLOURS"
    lines: tuple[str, str]
    "below it; what is too long is cut"


# --- A frame --------------------------------------------------------------------------------------


def marked_frame(picture: np.ndarray, box: Box | None, fate: str, caption: Sequence[str]) -> Image.Image:
    """Return a (H, W, 3) uint8 BGR frame at its full size with the face's box, and a caption below.

    `box` is (x, y, w, h) in pixels. Lines of the caption that are too long are broken.
    """
    frame = _rgb(picture)
    if box:
        _draw_box(frame, box, COLOURS[fate])
    size = max(13, round(frame.width / 60))
    lines = [piece for line in caption for piece in _broken(line, _font(size), frame.width - 2 * size)]
    sheet = Image.new("RGB", (frame.width, frame.height + round(size * (1.4 * len(lines) + 1.2))), PAPER)
    sheet.paste(frame, (0, 0))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, frame.height, frame.width, frame.height + max(3, size // 4)), COLOURS[fate])
    for row, line in enumerate(lines):
        place = (size, frame.height + round(size * (0.8 + 1.4 * row)))
        draw.text(place, line, FAINT if row else INK, _font(size))
    return sheet


# --- A strip --------------------------------------------------------------------------------------


def cell(picture: np.ndarray, box: Box | None, fate: str, lines: tuple[str, str]) -> Cell:
    """Return a frame, (H, W, 3) uint8 BGR, and the box of its face in its pixels, as a cell of a strip."""
    scale = _THUMB / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    small = _rgb(picture).resize((width, height), Image.Resampling.LANCZOS)
    if box:
        _draw_box(small, tuple(value * scale for value in box), COLOURS[fate])
    return Cell(small, fate, lines)


def strip(title: Sequence[str], cells: Sequence[Cell], words: Mapping[str, str]) -> Image.Image:
    """Return the frames of a clip in rows of six or fewer, each with an edge in the colour of its fate.

    `title`: lines on top, the first the largest. `words`: the legend, fate -> what it says.
    """
    rows = -(-len(cells) // _PER_ROW)
    columns = -(-len(cells) // max(rows, 1))
    wide, high = _cell_extent(cells)
    top = _PAD + 34 + 24 * len(title[1:]) + 40
    width = max(columns * wide - _GAP, _LEAST_WIDTH, _title_width(title, words)) + 2 * _PAD
    sheet = Image.new("RGB", (width, top + rows * high + _PAD - _GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    _write_title(draw, title, words)
    for number, item in enumerate(cells):
        row, column = divmod(number, columns)
        _place(sheet, draw, item, (_PAD + column * wide, top + row * high))
    return sheet


def _cell_extent(cells: Sequence[Cell]) -> tuple[int, int]:
    """Return the (width, height) from one cell to the next: a narrow picture leaves room for its text."""
    width = max([_THUMB * 3 // 4, *(item.picture.width for item in cells)])
    height = max([0, *(item.picture.height for item in cells)])
    return width + 2 * _FRAME + _GAP, height + 2 * _FRAME + 48 + _GAP


def _title_width(title: Sequence[str], words: Mapping[str, str]) -> int:
    """Return the room that the longest line above the cells takes."""
    legend = sum(_word_width(word) for word in words.values())
    lines = (_font(17).getlength(line) for line in title[1:])
    return math.ceil(max(_font(26).getlength(title[0]), legend, *lines))


def _word_width(word: str) -> int:
    """Return the room that a word of the legend takes, with its colour and the gap behind it."""
    return 24 + round(_font(17).getlength(word)) + 28


def _write_title(draw: ImageDraw.ImageDraw, title: Sequence[str], words: Mapping[str, str]) -> None:
    draw.text((_PAD, _PAD), title[0], INK, _font(26))
    for row, line in enumerate(title[1:]):
        draw.text((_PAD, _PAD + 38 + 24 * row), line, FAINT, _font(17))
    left, top = _PAD, _PAD + 38 + 24 * len(title[1:]) + 6
    for fate, word in words.items():
        draw.rectangle((left, top + 2, left + 16, top + 18), COLOURS[fate])
        draw.text((left + 24, top), word, INK, _font(17))
        left += _word_width(word)


def _place(sheet: Image.Image, draw: ImageDraw.ImageDraw, item: Cell, corner: tuple[int, int]) -> None:
    left, top = corner
    right, bottom = (left + item.picture.width + 2 * _FRAME, top + item.picture.height + 2 * _FRAME)
    draw.rectangle((left, top, right - 1, bottom - 1), COLOURS[item.fate])
    sheet.paste(item.picture, (left + _FRAME, top + _FRAME))
    for row, line in enumerate(item.lines):
        room = max(item.picture.width, _THUMB * 3 // 4) + 2 * _FRAME
        draw.text(
            (left, bottom + 5 + 21 * row), _cut(line, _font(16), room), FAINT if row else INK, _font(16)
        )


# --- Drawing --------------------------------------------------------------------------------------


def _rgb(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))


def _draw_box(picture: Image.Image, box: Box, colour: tuple[int, int, int]) -> None:
    """Draw a box (x, y, w, h) with dark and light beside the colour: seen on any ground."""
    thick = max(2, round(max(picture.size) / 240))
    x, y, w, h = (round(value) for value in box)
    draw = ImageDraw.Draw(picture)
    for grow, ink, width in ((thick + 1, INK, 1), (thick, colour, thick), (0, PAPER, 1)):
        draw.rectangle((x - grow, y - grow, x + w - 1 + grow, y + h - 1 + grow), outline=ink, width=width)


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)  # type: ignore[return-value]


def _cut(text: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    """Return a text, its end left out where it is wider than the room."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}...") > room:
        text = text[:-1]
    return f"{text}..."


def _broken(text: str, font: ImageFont.FreeTypeFont, room: int) -> list[str]:
    """Return a text as lines that fit into the room, broken between words, and within those that do not."""
    lines = [""]
    for word in chain.from_iterable(_pieces(whole, font, room) for whole in text.split()):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _pieces(word: str, font: ImageFont.FreeTypeFont, room: int) -> Iterator[str]:
    """Yield a word in pieces that fit into the room: paths with long codes do not."""
    while font.getlength(word) > room and len(word) > 1:
        end = next(
            end for end in range(len(word) - 1, 0, -1) if end == 1 or font.getlength(word[:end]) <= room
        )
        yield word[:end]
        word = word[end:]
    yield word
