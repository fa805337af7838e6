"""What an MP4 claims to hold, read before FFmpeg builds its tables.

FFmpeg reserves memory for every frame that the tables of an MP4 count, so that a damaged or hostile file of
13 kB takes 4 GB and half a minute (ISO 14496-12, 8.6 and 8.8: a count of 32 bits, without the data).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipeline.video.unusable import UnusableError

_FIRST = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""Types of the box with which an MP4 or MOV starts."""

_NESTED = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
"""Boxes that consist of other boxes."""

_COUNTED = {b"stsz": 8, b"stz2": 8, b"trun": 4}
"""Boxes with a count of frames -> its position in the box, after the header."""

_RUNS = frozenset({b"stts", b"ctts"})
"""Boxes of runs of frames: count and value, 32 bits each, after 8 bytes."""


def check_claims(path: Path) -> None:
    """Raise UnusableError if an MP4 counts more frames than it has bytes; other files pass."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(8)[4:] not in _FIRST:
            return
        claimed = max(_counts(file, 0, size), default=0)
    if claimed > size:
        raise UnusableError(
            path,
            f"its header counts {claimed:,} frames, but the file has only {size:,} bytes",
            "the file is damaged: copy the original again",
        )


def _counts(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    """Yield every count of frames in the boxes between two positions of a file."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:  # 64 bits follow
            size, header = int.from_bytes(file.read(8), "big"), 16
        stop = min(end, start + size) if size else end
        if kind in _NESTED:
            yield from _counts(file, start + header, stop)
        elif kind in _COUNTED or kind in _RUNS:
            yield _count(kind, file, stop - start - header)
        start = max(stop, start + header)


def _count(kind: bytes, file: BinaryIO, size: int) -> int:
    """Return how many frames a box claims; the file is read from the end of the box's header."""
    if kind in _RUNS:
        data = file.read(max(0, size))[8:]
        return int(np.frombuffer(data[: len(data) // 8 * 8], ">u4")[::2].sum(dtype=np.int64))
    data = file.read(12)
    return int.from_bytes(data[_COUNTED[kind] : _COUNTED[kind] + 4], "big")
