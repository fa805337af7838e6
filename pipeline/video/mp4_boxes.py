"""What an MP4 claims to hold, read before FFmpeg builds its tables.

FFmpeg reserves memory for every frame that the tables of an MP4 count, so that a damaged or hostile file of
13 kB takes 4 GB and half a minute (ISO 14496-12, 8.6 and 8.8: a count of 32 bits, without the data).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipeline.runtime.regular_files import open_regular
from pipeline.video.unusable import UnusableError

MOST_FRAMES = 5_000_000
"""Most frames of a recording (23 hours at 60 frames/s): their list takes about 1 GB."""

_MOST_BOXES = 1_000_000
_DEEPEST = 32

_REMEDY = "the file is damaged: copy the original again"

_FIRST = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""Types of the box with which an MP4 or MOV starts."""

_NESTED = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
"""Boxes that consist of other boxes."""

_COUNTED = {b"stsz": 8, b"stz2": 8, b"trun": 4}
"""Boxes with a count of frames -> its position in the box, after the header."""

_RUNS = frozenset({b"stts", b"ctts"})
"""Boxes of runs of frames: count and value, 32 bits each, after 8 bytes."""


def check_claims(path: Path) -> None:
    """Raise UnusableError if an MP4 counts more frames than it has bytes, or too many; other files pass."""
    size = path.stat().st_size
    with open_regular(path) as file:
        if file.read(8)[4:] not in _FIRST:
            return
        try:
            claimed = max(_counts(file, size), default=0)
        except _TooManyBoxesError as error:
            raise UnusableError(path, str(error), _REMEDY) from None
    if claimed > size:
        finding = f"its header counts {claimed:,} frames, but the file has only {size:,} bytes"
        raise UnusableError(path, finding, _REMEDY)
    if claimed > MOST_FRAMES:
        finding = f"its header counts {claimed:,} frames; at most {MOST_FRAMES:,} are read"
        raise UnusableError(path, finding, "cut it into parts")


class _TooManyBoxesError(ValueError):
    """More boxes, or boxes nested deeper, than in any recording."""


def _counts(file: BinaryIO, size: int) -> Iterator[int]:
    """Yield every count of frames in the boxes of a file of `size` bytes."""
    open_boxes, boxes = [(0, size)], 0
    while open_boxes:
        start, end = open_boxes.pop()
        if start + 8 > end:
            continue
        boxes += 1
        if boxes > _MOST_BOXES or len(open_boxes) > _DEEPEST:
            raise _TooManyBoxesError("its header has more parts than that of any recording")
        kind, inner, stop = _box(file, start, end)
        open_boxes.append((max(stop, inner), end))
        if kind in _NESTED:
            open_boxes.append((inner, stop))
        elif kind in _COUNTED or kind in _RUNS:
            yield _count(kind, file, stop - inner)


def _box(file: BinaryIO, start: int, end: int) -> tuple[bytes, int, int]:
    """Return the type of the box at a position, where its content starts, and where it ends."""
    file.seek(start)
    size, kind = struct.unpack(">I4s", file.read(8))
    header = 8
    if size == 1:  # 64 bits follow
        size, header = int.from_bytes(file.read(8), "big"), 16
    return kind, start + header, min(end, start + size) if size else end


def _count(kind: bytes, file: BinaryIO, size: int) -> int:
    """Return how many frames a box claims; the file is read from the end of the box's header."""
    if kind in _RUNS:
        data = file.read(max(0, size))[8:]
        return int(np.frombuffer(data[: len(data) // 8 * 8], ">u4")[::2].sum(dtype=np.int64))
    data = file.read(12)
    return int.from_bytes(data[_COUNTED[kind] : _COUNTED[kind] + 4], "big")
