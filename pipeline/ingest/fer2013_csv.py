"""The CSV form of FER2013, unpacked to its folder form. Each row is an image, written as text.

    emotion,pixels,Usage     0,70 80 82 ... 106,Training

emotion 0 angry 1 disgust 2 fear 3 happy 4 sad 5 surprise 6 neutral; pixels 48x48 grey values 0..255, row by
row; Usage Training, PublicTest or PrivateTest. An image is named after the line of its row.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.runtime.errors import EmoError, many
from pipeline.runtime.image_codec import encode_png

WORDS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Expressions by the number in the column `emotion`."""

SIDE_PX = 48

_COLUMNS = ("emotion", "pixels", "usage")
_USAGES = ("Training", "PublicTest", "PrivateTest")
_HEADER_BYTES = 1000
_MAX_ERRORS = 10

_DIGITS = re.compile(r"[\d\s]+", re.ASCII)
_GREY_VALUE = re.compile(r"\d{1,3}", re.ASCII)


def header_error(path: Path) -> str:
    """Return why the header of a file is not that of FER2013's CSV; empty if it is."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    line = head.decode("utf-8-sig", "replace").splitlines()[:1]
    columns = _normalised(next(csv.reader(line), []))
    if all(columns.count(name) == 1 for name in _COLUMNS):
        return ""
    found = f"found {line[0][:60]!r}" if line else "the file is empty"
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    remedy = "save it as UTF-8" if is_utf16 else "save it in this form, or download it again"
    return (
        f"{path}: not FER2013's table: expected the columns emotion, pixels, Usage, separated by commas; "
        f"{found}; {remedy} (a table that lists clips is given with --manifest)"
    )


def unpack(table: Path, folder: Path) -> int:
    """Write each row as <folder>/<expression>/<usage>_<line>.png; return the number of images.

    Raises EmoError with line and value of each invalid row, and if there are no rows.
    """
    errors = []
    count = 0
    for line, row in _rows(table):
        try:
            name, pixels = _image(row)
        except ValueError as error:
            errors.append(f"{table}: line {line}: {error}")
            continue
        path = folder / f"{name}_{line:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:  # never overwrites another image
            file.write(encode_png(pixels))
        count += 1
    if errors:
        raise many(errors, _MAX_ERRORS)
    if not count:
        raise EmoError(f"{table}: no rows below the header; download it again")
    return count


def line_of(image: Path) -> int:
    """Return the line of the table from which an image was unpacked."""
    return int(image.stem.rpartition("_")[2])


def _rows(table: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield line number and values by column of every row that is not empty.

    The key "" holds the values beyond the last column. Bytes that are not UTF-8 stay in the values, so that
    they are errors of their line.
    """
    with table.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = _normalised(next(reader, []))
            for row in reader:
                if any(cell.strip() for cell in row) or len(row) > 1:
                    values = dict(zip(header, row, strict=False))
                    yield reader.line_num, values | {"": ",".join(row[len(header) :])}
        except csv.Error as error:
            raise EmoError(
                f"{table}: line {reader.line_num}: not valid CSV ({error}); download it again"
            ) from None


def _normalised(columns: Sequence[str]) -> list[str]:
    return [column.strip().lower() for column in columns]


def _image(row: Mapping[str, str]) -> tuple[str, np.ndarray]:
    """Return <expression>/<usage> and the (48, 48) uint8 image of a row; raise ValueError if invalid."""
    missing = [name for name in _COLUMNS if not row.get(name, "").strip()]
    if missing:
        raise ValueError(f"{missing[0]}: empty (is the file truncated?); download it again")
    if row[""]:
        raise ValueError(f"unexpected value {row[''][:20]!r} beyond the last column; correct the row")
    emotion, usage = row["emotion"].strip(), row["usage"].strip()
    if emotion not in map(str, range(len(WORDS))):
        raise ValueError(f"emotion: {emotion[:20]!r} is not a number in 0..{len(WORDS) - 1}; remove the row")
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
            raise ValueError(text)  # Python would also parse `1_0` and the digits of other scripts
        values = bytes(map(int, words))
    except ValueError:
        bad = next((word for word in words if not (_GREY_VALUE.fullmatch(word) and int(word) <= 255)), text)
        raise ValueError(f"pixels: {bad[:20]!r} is not a grey value in 0..255; correct it") from None
    return np.frombuffer(values, np.uint8).reshape(SIDE_PX, SIDE_PX)
