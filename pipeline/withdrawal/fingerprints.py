"""Recognising a person's pictures and recordings by their bytes, wherever they lie: a byte search.

Windows of 16 bytes are sampled where the bytes themselves say so, hence wherever the same bytes stand the
same windows are taken, at any offset and in any file (Schleimer, Wilkerson & Aiken 2003, "Winnowing",
of which this is the variant modulo p). A digest of a window cannot be turned back into a picture.
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
"""Bytes of one window."""

_PICTURE, _RECORDING = 6, 10
"""One window in 2 ** 6 = 64 bytes is kept of pictures, one in 1,024 of recordings."""

_PIECE = 1 << 18
"""Bytes of a recording that count as one thing to find."""

_BLOCK = 1 << 24
"""Bytes searched at a time."""

_HELD = 0.25
"""Share of a thing's windows from which on a file holds it. Headers, which all pictures of a kind have in
common, are left out of JPEGs, where they can be half of a small one; they are less of a PNG or recording."""

_FEWEST = 3
"""And at least so many windows; what has fewer cannot be told and is not looked for."""

_NONE = np.zeros(0, np.uint64)

_MIX, _MIX_WIDE = np.uint32(0x9E3779B1), np.uint64(0x9E3779B97F4A7C15)
"""Knuth's multiplicative hashing: 2 ** 32 and 2 ** 64 divided by the golden ratio."""


@dataclass(frozen=True)
class Fingerprints:
    """What is looked for."""

    values: np.ndarray
    "(n,) uint64: digests of windows"
    things: np.ndarray
    "(n,) int64, ascending: the picture or piece of a recording that each is of"

    @property
    def count(self) -> int:
        """How many pictures and pieces are looked for."""
        return int(self.things.max()) + 1 if len(self.things) else 0

    def held_by(self, file: BinaryIO) -> int:
        """Return how many of the pictures and pieces stand in a file, whatever else is in it."""
        hits = self.hits(file)
        if not len(hits):
            return 0
        counts = np.bincount(self.things[np.isin(self.values, hits)], minlength=self.count)
        return int((counts >= np.maximum(_FEWEST, self._sizes * _HELD)).sum())

    def hits(self, file: BinaryIO) -> np.ndarray:
        """Return those of a file's windows that are looked for, each once."""
        return np.unique(np.concatenate([self._hits(block) for block in _blocks(file)] or [_NONE]))

    def share_of(self, file: BinaryIO) -> float:
        """Return which share of a file is looked for, by the windows that would be kept of a recording."""
        windows = np.concatenate([_windows(block, _RECORDING) for block in _blocks(file)] or [_NONE])
        return float(np.isin(windows, self._sorted).mean()) if len(windows) else 0.0

    def without(self, windows: np.ndarray) -> "Fingerprints":
        """Return what is left to look for where some windows tell nothing."""
        kept = ~np.isin(self.values, windows)
        parts = Fingerprints(self.values[kept], self.things[kept]).parts()
        return _of_parts([part for part in parts if len(part) >= _FEWEST])

    def _hits(self, block: bytes) -> np.ndarray:
        """Return those of a block's windows that are looked for."""
        windows = _windows(block, _PICTURE)
        places = np.searchsorted(self._sorted, windows)
        inside = places < len(self._sorted)
        windows, places = windows[inside], places[inside]
        return windows[self._sorted[places] == windows]

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.unique(self.values)

    @cached_property
    def _sizes(self) -> np.ndarray:
        """How many windows each picture or piece has."""
        return np.bincount(self.things, minlength=self.count)

    def parts(self) -> list[np.ndarray]:
        """Return the windows of each picture or piece."""
        ends = np.flatnonzero(np.diff(self.things)) + 1
        return np.split(self.values, ends) if len(self.values) else []

    def save(self, path: Path) -> None:
        """Write them as a NumPy archive."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, values=self.values, things=self.things)


def load(path: Path) -> Fingerprints:
    """Read what `save` wrote; none where there is no such file. Raises EmoError for another."""
    if not path.is_file():
        return fingerprints([], [])
    try:
        with np.load(path, allow_pickle=False) as saved:
            return Fingerprints(saved["values"], saved["things"])
    except (ValueError, KeyError, EOFError, BadZipFile):
        raise EmoError(f"{path}: damaged; remove it and run `emo withdraw {path.stem} --yes` again") from None


def joined(one: Fingerprints, other: Fingerprints) -> Fingerprints:
    """Return what either looks for, each thing once."""
    parts = {part.tobytes(): part for both in (one, other) for part in both.parts()}
    return _of_parts(list(parts.values()))


def fingerprints(pictures: Iterable[bytes], recordings: Iterable[Path]) -> Fingerprints:
    """Return the fingerprints of encoded pictures (JPEG, PNG) and of whole files of recordings."""
    values: dict[bytes, np.ndarray] = {}
    for picture in pictures:
        values[hashlib.sha256(picture).digest()] = _windows(_own(picture), _PICTURE)
    for path in recordings:
        for piece in _pieces(path):
            values[hashlib.sha256(piece).digest()] = _windows(piece, _RECORDING)
    parts = [part for part in values.values() if len(part) >= _FEWEST]
    return _of_parts(parts)


def _of_parts(parts: Sequence[np.ndarray]) -> Fingerprints:
    things = [np.full(len(part), number, np.int64) for number, part in enumerate(parts)]
    return Fingerprints(np.concatenate([_NONE, *parts]), np.concatenate([np.zeros(0, np.int64), *things]))


def _own(picture: bytes) -> bytes:
    """Return what no other picture has: of a JPEG what follows its tables, from its last scan (SOS) on."""
    return picture[max(0, picture.rfind(b"\xff\xda")) :] if picture.startswith(b"\xff\xd8") else picture


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces of some length; what is left at its end belongs to the last."""
    with path.open("rb") as file:
        for _ in range(path.stat().st_size // _PIECE - 1):
            yield file.read(_PIECE)
        yield file.read()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's content in blocks that overlap, so that no window is cut."""
    tail = b""
    while block := file.read(_BLOCK):
        yield tail + block
        tail = (tail + block)[-(WINDOW - 1) :]


def _windows(data: bytes, rarity: int) -> np.ndarray:
    """Return the digests of the sampled windows of some bytes, (n,) uint64, without repeats.

    A window is taken where the hash of its first four bytes is among the lowest 2 ** -rarity; of a high
    rarity, they are a part of those of a low one.
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
    """Return which of the four-byte words of an array start a window."""
    words = array[: len(array) // 4 * 4].view(np.uint32)
    # Words of zeros would all be chosen: padding, which tells nothing.
    return np.flatnonzero((words * _MIX < np.uint32(1 << (32 - rarity))) & (words != 0))
