"""Recognising images and recordings by their bytes in any file: a byte search.

Windows of 16 bytes are sampled; which ones is decided by the bytes themselves, so that the same bytes give
the same windows at any offset and in any file (Schleimer, Wilkerson & Aiken 2003, "Winnowing"; this is the
variant modulo p). No image can be reconstructed from the digests of windows.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing

WINDOW = 16
"""Length of a window in bytes."""

_OF_IMAGES, _OF_RECORDINGS = 6, 10
"""Sampling: one window in 2 ** 6 = 64 bytes of an image, one in 1,024 of a recording."""

_PIECE = 1 << 18
"""Length in bytes of the pieces of a recording; each is searched for separately."""

_BLOCK = 1 << 24
"""Bytes searched at a time."""

_HELD = 0.25
"""A file holds an image or piece if it has at least this share of its windows. The headers of JPEGs, which
all of one quality share, are left out: they can be half of a small file. They are less of a PNG or
recording."""

_FEWEST = 3
"""And at least this many windows; an image or piece with fewer is not searched for."""

_NONE = np.zeros(0, np.uint64)

_MIX, _MIX_WIDE = np.uint32(0x9E3779B1), np.uint64(0x9E3779B97F4A7C15)
"""Knuth's multiplicative hashing: 2 ** 32 and 2 ** 64 divided by the golden ratio."""


@dataclass(frozen=True)
class Fingerprints:
    """The windows of images and of pieces of recordings to search for."""

    values: np.ndarray
    "(n,) uint64: digests of windows."
    things: np.ndarray
    "(n,) int64, ascending: number of the image or piece that each window is of."

    @property
    def count(self) -> int:
        """Number of images and pieces to search for."""
        return int(self.things.max()) + 1 if len(self.things) else 0

    def held_by(self, file: BinaryIO) -> int:
        """Return how many of the images and pieces a file holds, whatever else is in it."""
        hits = self.hits(file)
        if not len(hits):
            return 0
        counts = np.bincount(self.things[np.isin(self.values, hits)], minlength=self.count)
        return int((counts >= np.maximum(_FEWEST, self._sizes * _HELD)).sum())

    def hits(self, file: BinaryIO) -> np.ndarray:
        """Return the windows of a file that are searched for, each once."""
        return np.unique(np.concatenate([self._hits(block) for block in _blocks(file)] or [_NONE]))

    def share_of(self, file: BinaryIO) -> float:
        """Return the share of a file that is searched for, measured by windows sampled as of a recording."""
        windows = np.concatenate([_windows(block, _OF_RECORDINGS) for block in _blocks(file)] or [_NONE])
        return float(np.isin(windows, self._sorted).mean()) if len(windows) else 0.0

    def without(self, windows: np.ndarray) -> "Fingerprints":
        """Return the fingerprints without some windows; what keeps too few is dropped."""
        kept = ~np.isin(self.values, windows)
        parts = Fingerprints(self.values[kept], self.things[kept]).parts()
        return _of_parts([part for part in parts if len(part) >= _FEWEST])

    def _hits(self, block: bytes) -> np.ndarray:
        """Return the windows of a block that are searched for."""
        windows = _windows(block, _OF_IMAGES)
        places = np.searchsorted(self._sorted, windows)
        inside = places < len(self._sorted)
        windows, places = windows[inside], places[inside]
        return windows[self._sorted[places] == windows]

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.unique(self.values)

    @cached_property
    def _sizes(self) -> np.ndarray:
        """Number of windows of each image or piece."""
        return np.bincount(self.things, minlength=self.count)

    def parts(self) -> list[np.ndarray]:
        """Return the windows of each image or piece."""
        ends = np.flatnonzero(np.diff(self.things)) + 1
        return np.split(self.values, ends) if len(self.values) else []

    def save(self, path: Path) -> None:
        """Write the fingerprints as a NumPy archive."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, values=self.values, things=self.things)


def load(path: Path) -> Fingerprints:
    """Read what `save` wrote; empty if there is no such file. Raises EmoError if it is damaged."""
    if not path.is_file():
        return fingerprints([], [])
    try:
        with np.load(path, allow_pickle=False) as saved:
            return Fingerprints(saved["values"], saved["things"])
    except (ValueError, KeyError, EOFError, BadZipFile):
        raise EmoError(f"{path}: damaged; remove it and rerun `emo withdraw {path.stem} --yes`") from None


def joined(one: Fingerprints, other: Fingerprints) -> Fingerprints:
    """Return the union of two sets of fingerprints."""
    parts = {part.tobytes(): part for both in (one, other) for part in both.parts()}
    return _of_parts(list(parts.values()))


def fingerprints(images: Iterable[bytes], recordings: Iterable[Path]) -> Fingerprints:
    """Return the fingerprints of encoded images (JPEG, PNG) and of whole recordings."""
    values: dict[bytes, np.ndarray] = {}
    for image in images:
        values[hashlib.sha256(image).digest()] = _windows(_without_header(image), _OF_IMAGES)
    for path in recordings:
        for piece in _pieces(path):
            values[hashlib.sha256(piece).digest()] = _windows(piece, _OF_RECORDINGS)
    parts = [part for part in values.values() if len(part) >= _FEWEST]
    return _of_parts(parts)


def _of_parts(parts: Sequence[np.ndarray]) -> Fingerprints:
    things = [np.full(len(part), number, np.int64) for number, part in enumerate(parts)]
    return Fingerprints(np.concatenate([_NONE, *parts]), np.concatenate([np.zeros(0, np.int64), *things]))


def _without_header(image: bytes) -> bytes:
    """Return an image without what it shares with others: of a JPEG, its last scan (SOS) only."""
    return image[max(0, image.rfind(b"\xff\xda")) :] if image.startswith(b"\xff\xd8") else image


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces of _PIECE bytes; the last piece includes the rest."""
    with path.open("rb") as file:
        for _ in range(path.stat().st_size // _PIECE - 1):
            yield file.read(_PIECE)
        yield file.read()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in overlapping blocks, so that no window is cut."""
    tail = b""
    while block := file.read(_BLOCK):
        yield tail + block
        tail = (tail + block)[-(WINDOW - 1) :]


def _windows(data: bytes, rarity: int) -> np.ndarray:
    """Return the digests of the sampled windows of some bytes, (n,) uint64, each once.

    A window is sampled if the hash of its first four bytes is among the lowest 2 ** -rarity. The windows of a
    high rarity are a subset of those of a low one.
    """
    array = np.frombuffer(data, np.uint8)
    starts = len(array) - WINDOW + 1
    if starts <= 0:
        return _NONE
    places = np.concatenate([_chosen(array[offset:], rarity) * 4 + offset for offset in range(4)])
    places = places[places < starts]
    windows = array[places[:, None] + np.arange(WINDOW)].view(np.uint64)
    mixed = (windows[:, 0] * _MIX_WIDE) ^ (windows[:, 1] + (windows[:, 0] >> np.uint64(29)))
    return np.unique(mixed * _MIX_WIDE)


def _chosen(array: np.ndarray, rarity: int) -> np.ndarray:
    """Return the positions of the four-byte words of an array that start a window."""
    words = array[: len(array) // 4 * 4].view(np.uint32)
    # Words of zeros would all be chosen: padding, which identifies nothing.
    return np.flatnonzero((words * _MIX < np.uint32(1 << (32 - rarity))) & (words != 0))
