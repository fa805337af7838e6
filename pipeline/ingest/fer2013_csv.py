"""The CSV form of FER2013, unpacked to its folder form: a row is a picture, as text.

    emotion,pixels,Usage     0,70 80 82 ... 106,Training

emotion 0 angry 1 disgust 2 fear 3 happy 4 sad 5 surprise 6 neutral; pixels 48x48 grey values 0..255, row by
row; Usage Training, PublicTest or PrivateTest. A picture is named after the line of its row.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import encode_png

WORDS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""By the number in the column `emotion`."""

SIDE_PX = 48

_COLUMNS = ("emotion", "pixels", "usage")
_USAGES = ("Training", "PublicTest", "PrivateTest")
_HEAD = 1000
"""Bytes that are read to see the names of the columns."""

_DIGITS = re.compile(r"[\d\s]+", re.ASCII)
_GREY = re.compile(r"\d{1,3}", re.ASCII)

_SHOWN = 10
"""Faults told before the rest is counted."""


def misfit(path: Path) -> str:
    """Return by its first line why a file is no such CSV, in one line; empty where it is one."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    line = head.decode("utf-8-sig", "replace").splitlines()[:1]
    if _is_header(_header(next(csv.reader(line), []))):
        return ""
    found = f"are wanted, not {line[0][:60]!r}" if line else "are wanted; it is empty"
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    remedy = "save it as UTF-8" if is_wide else "save it so, or download it again"
    return (
        f"{path}: not FER2013's table: the columns emotion, pixels, Usage, separated by commas, {found}; "
        f"{remedy} (a table that names clips is given with --manifest)"
    )


def unpack(table: Path, folder: Path) -> int:
    """Write a PNG for every row as <folder>/<expression>/<usage>_<line>.png; return how many.

    Raises EmoError with the line and the value of every row that does not fit, and where there is no row.
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
        with path.open("xb") as file:  # never over another picture
            file.write(encode_png(pixels))
        count += 1
    if faults:
        more = [f"{table}: {len(faults) - _SHOWN} more such lines"] if len(faults) > _SHOWN else []
        raise EmoError("\n       ".join([*faults[:_SHOWN], *more]))
    if not count:
        raise EmoError(f"{table}: no row below its columns' names; download it again")
    return count


def line_of(picture: Path) -> int:
    """Return the line of the table that a picture was unpacked from."""
    return int(picture.stem.rpartition("_")[2])


def _rows(table: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield number of line and values of every row; empty lines are none.

    Bytes that are no UTF-8 stay in the values, where they are faults of their line.
    """
    with table.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = _header(next(reader, []))
            for row in reader:
                if any(cell.strip() for cell in row) or len(row) > 1:
                    yield reader.line_num, _values(header, row)
        except csv.Error as error:
            raise EmoError(
                f"{table}: line {reader.line_num}: not valid CSV ({error}); download it again"
            ) from None


def _values(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """Return a row by its columns; what stands beyond the last one by the empty text."""
    return dict(zip(header, row, strict=False)) | {"": ",".join(row[len(header) :])}


def _is_header(columns: Sequence[str]) -> bool:
    return all(columns.count(name) == 1 for name in _COLUMNS)


def _header(columns: Sequence[str]) -> list[str]:
    return [column.strip().lower() for column in columns]


def _picture(row: Mapping[str, str]) -> tuple[str, np.ndarray]:
    """Return <expression>/<usage> and the (48, 48) uint8 picture of one row; ValueError where it is none."""
    missing = [name for name in _COLUMNS if not row.get(name, "").strip()]
    if missing:
        raise ValueError(f"{missing[0]}: nothing there; is the file cut off? download it again")
    if row[""]:
        raise ValueError(f"{row[''][:20]!r} stands beyond the last column; correct the row")
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
        if not _DIGITS.fullmatch(text):
            raise ValueError(text)  # `1_0` and the digits of other scripts are numbers to Python
        values = bytes(map(int, words))
    except ValueError:
        bad = next((word for word in words if not (_GREY.fullmatch(word) and int(word) <= 255)), text)
        raise ValueError(f"pixels: {bad[:20]!r} is not a grey value of 0..255; correct it") from None
    return np.frombuffer(values, np.uint8).reshape(SIDE_PX, SIDE_PX)
