"""The CSV form of FER2013, unpacked to its folder form: a row is a picture, as text.

    emotion,pixels,Usage     0,70 80 82 ... 106,Training

emotion 0 angry 1 disgust 2 fear 3 happy 4 sad 5 surprise 6 neutral; pixels 48x48 grey values 0..255, row by
row; Usage Training, PublicTest or PrivateTest. A picture is named after the line of its row.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.core.errors import EmoError
from pipeline.media.images import encode_png

WORDS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""By the number in the column `emotion`."""

SIDE_PX = 48

_COLUMNS = ("emotion", "pixels", "usage")
_USAGES = ("Training", "PublicTest", "PrivateTest")
_SHOWN = 10
"""Faults told before the rest is counted."""


def is_table(path: Path) -> bool:
    """Tell by its first line whether a file is such a CSV."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return set(_COLUMNS) <= set(_header(file.readline(1000).split(",")))


def unpack(table: Path, folder: Path) -> int:
    """Write a PNG for every row as <folder>/<expression>/<usage>_<line>.png; return how many.

    Raises EmoError with the line and the value of every row that does not fit.
    """
    faults = []
    count = 0
    for line, row in _rows(table):
        try:
            name, pixels = _picture(row)
        except ValueError as error:
            faults.append(f"{table}: line {line}: {error}")
            continue
        path = folder / f"{name}_{line:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(pixels))
        count += 1
    if faults:
        more = [f"{table}: {len(faults) - _SHOWN} more such lines"] if len(faults) > _SHOWN else []
        raise EmoError("\n       ".join([*faults[:_SHOWN], *more]))
    return count


def _rows(table: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield number of line and values of every row."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = _header(next(reader, []))
            for row in reader:
                yield reader.line_num, dict(zip(header, row, strict=False)) if row else {}
    except (csv.Error, UnicodeDecodeError) as error:
        raise EmoError(f"{table}: not valid CSV ({error}); download it again") from None


def _header(columns: Sequence[str]) -> list[str]:
    return [column.strip().lower() for column in columns]


def _picture(row: Mapping[str, str]) -> tuple[str, np.ndarray]:
    """Return <expression>/<usage> and the (48, 48) uint8 picture of one row; ValueError where it is none."""
    missing = [name for name in _COLUMNS if not row.get(name, "").strip()]
    if missing:
        raise ValueError(f"{missing[0]}: nothing there; is the file cut off? download it again")
    emotion, usage = row["emotion"].strip(), row["usage"].strip()
    if emotion not in map(str, range(len(WORDS))):
        raise ValueError(f"emotion: {emotion[:20]!r} is not a number of 0..{len(WORDS) - 1}; remove the row")
    if usage not in _USAGES:
        raise ValueError(f"Usage: {usage[:20]!r} is not one of {', '.join(_USAGES)}; correct it")
    return f"{WORDS[int(emotion)]}/{usage}", _pixels(row["pixels"])


def _pixels(text: str) -> np.ndarray:
    words = text.split()
    if len(words) != SIDE_PX**2:
        raise ValueError(
            f"pixels: {len(words):,} values, not {SIDE_PX}x{SIDE_PX} = {SIDE_PX**2:,}; download it again"
        )
    try:
        values = bytes(map(int, words))
    except ValueError:
        bad = next(word for word in words if not (word.isdecimal() and int(word) <= 255))
        raise ValueError(f"pixels: {bad[:20]!r} is not a grey value of 0..255; correct it") from None
    return np.frombuffer(values, np.uint8).reshape(SIDE_PX, SIDE_PX)
