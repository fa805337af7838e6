"""Perceptual hashes of face crops, and exact search for near-duplicates among millions of them.

The hash is the sign of the 256 lowest DCT frequencies of the crop's *logarithm*, after pHash
(Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"), changed in
three ways, each measured on real faces (docs/dedup.md):

- 256 bits, not 64: every face crop shows the same layout, so 64 bits cannot tell people apart;
- the logarithm: a gain then only moves the mean, a gamma only scales the rest, and neither
  changes a sign;
- signs instead of "above the median": no bit depends on the other coefficients.

A hash is a row of four ``uint64``; bit k of the hash is bit ``k % 64`` of word ``k // 64``, in
the order of rising frequency.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Greys = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Pairs = tuple[Ints, Ints, Ints]

WORDS = 4
BITS = 64 * WORDS

_SIDE_PX = 32  # the crop is reduced to this before the DCT; frequencies used stay below 23
_LOG_OFFSET = 4.0  # grey levels; keeps sensor noise in black regions from deciding bits
_ROUNDING = 1e-3  # coefficients are of the order of 1; what is below comes from float32
_BATCH = 1024  # crops hashed at once: 4 MB of float32


def perceptual_hash(grey: Greys) -> Hashes:
    """Hash one crop, ``(H, W) uint8`` -> ``(4,) uint64``."""
    return perceptual_hashes([grey])[0]


def perceptual_hashes(greys: Sequence[Greys] | Greys) -> Hashes:
    """Hash crops of any sizes, ``n`` x ``(H, W) uint8`` -> ``(n, 4) uint64``."""
    hashes = np.empty((len(greys), WORDS), np.uint64)
    for start in range(0, len(greys), _BATCH):
        batch = greys[start : start + _BATCH]
        hashes[start : start + len(batch)] = _hash_stack(np.stack([_reduced(g) for g in batch]))
    return hashes


def hash_bytes(hashes: Hashes) -> list[bytes]:
    """The 32 bytes of each hash, little-endian on every machine: what a table stores."""
    return [row.tobytes() for row in hashes.astype("<u8")]


def hashes_from_bytes(rows: Sequence[bytes]) -> Hashes:
    """The inverse of `hash_bytes`: ``(n, 4) uint64``."""
    return np.frombuffer(b"".join(rows), "<u8").reshape(-1, WORDS).astype(np.uint64)


def hamming(a: Hashes, b: Hashes) -> Ints:
    """Differing bits between hashes ``(..., 4)``; leading dimensions broadcast."""
    return np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int64)


def _reduced(grey: Greys) -> Greys:
    if grey.ndim != 2 or grey.dtype != np.uint8:
        raise ValueError(f"expected a grey (H, W) uint8 crop, got {grey.shape} {grey.dtype}")
    return cv2.resize(grey, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _hash_stack(small: Greys) -> Hashes:
    light = _LOG[small]
    coefficients = _DCT @ light @ _DCT.T
    bits = coefficients[:, _ROWS, _COLUMNS] > _ROUNDING
    return _packed(bits)


def _packed(bits: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> Hashes:
    """``(n, 256)`` bits to ``(n, 4) uint64``."""
    octets = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little"))
    return octets.view("<u8").astype(np.uint64)


def _dct_matrix(side: int) -> npt.NDArray[np.float32]:
    """Orthonormal DCT-II, ``(side, side)``: row k holds frequency k."""
    k, x = np.mgrid[:side, :side]
    matrix = np.cos(np.pi * k * (2 * x + 1) / (2 * side)) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _lowest_frequencies() -> tuple[Ints, Ints]:
    """Rows and columns of the `BITS` lowest frequencies but the mean, by rising row + column."""
    row, column = np.mgrid[:_SIDE_PX, :_SIDE_PX].reshape(2, -1)
    lowest = np.lexsort((row, row + column))[1 : BITS + 1]
    return row[lowest], column[lowest]


_ROWS, _COLUMNS = _lowest_frequencies()
_DCT = _dct_matrix(_SIDE_PX)[: max(_ROWS.max(), _COLUMNS.max()) + 1]
_LOG = np.log(np.arange(256) + _LOG_OFFSET).astype(np.float32)


def collapse(hashes: Hashes, sharpness: npt.NDArray[np.floating], max_distance: int) -> Ints:
    """Choose representatives: for each item the index of the kept item that stands for it.

    Greedy leaders: going from the sharpest item to the least sharp (ties: lower index first), an
    item within `max_distance` bits of a kept one is dropped in favour of the nearest, else it is
    kept and represents itself. ``(n, 4) uint64, (n,) float -> (n,) int64``.
    """
    order = np.argsort(-np.asarray(sharpness, float), kind="stable")
    ranked = hashes[order]
    leader = np.arange(len(order))
    nearest = np.full(len(order), max_distance + 1)
    for rank in range(len(order)):
        if nearest[rank] > max_distance:
            distance = hamming(ranked[rank], ranked[rank + 1 :])
            closer = np.flatnonzero(distance < nearest[rank + 1 :]) + rank + 1
            nearest[closer] = distance[closer - rank - 1]
            leader[closer] = rank
    representative = np.empty(len(order), np.int64)
    representative[order] = order[leader]
    return representative


def near_pairs(hashes: Hashes, max_distance: int, *, groups: npt.NDArray[np.integer] | None = None) -> Pairs:
    """All pairs ``i < j`` of hashes at most `max_distance` bits apart, sorted, each once.

    With `groups`, ``(n,) int``, only pairs whose groups differ. Returns ``i, j, distance``, each
    ``(pairs,) int64``. Exact. Memory is linear in the hashes and in the pairs found.

    The bits are cut into bands, laid out in a ring (multi-index hashing, Norouzi, Punjani & Fleet
    2012, with the stronger filter of Qin & Xiao 2018, "Pigeonring"): two near hashes differ
    little in some band and in the 64 bits from its start on. So only hashes whose bands nearly
    agree meet, as dense blocks of one word each, and only what passes is compared in full.
    """
    width = min(_WIDTHS, key=lambda width: _cost(_bands(width, max_distance), len(hashes)))
    bands = _bands(width, max_distance)
    ring = _ring(hashes, width)

    def search(number: int) -> Ints:
        band, earlier = bands[number], bands[:number]
        codes = [_NONE]
        for i, j in _meetings(ring, band):
            new = _new_pairs(ring[i] ^ ring[j], earlier, max_distance)
            if groups is not None:
                new &= groups[i] != groups[j]
            codes.append(np.minimum(i, j)[new] * len(ring) + np.maximum(i, j)[new])
        return np.concatenate(codes)

    with ThreadPoolExecutor(_THREADS) as pool:
        codes = np.concatenate([_NONE, *pool.map(search, range(len(bands)))])
    codes.sort()
    i, j = np.divmod(codes, max(len(ring), 1))
    return i, j, _distances(hashes, i, j)


_WIDTHS = (8, 16)  # bits of a band; both divide 64, so that a ring of bands is a ring of words
_BLOCK = 1 << 16  # hashes compared at once: 512 kB, inside the processor's cache
_BATCH_PAIRS = 1 << 20
_BATCH_KEYS = 64
_DIFFER = 0.42  # a bit differs between two people with this probability (docs/dedup.md)
_THREADS = 2  # numpy lets go of the interpreter inside a block
_NONE: Ints = np.empty(0, np.int64)
_BATCH_ROWS = 1 << 14


@dataclass(frozen=True)
class _Band:
    """Adjacent bits of the ring. Two near hashes are joined by at least one band."""

    start: int
    width: int
    radius: int
    "Bits of the band in which joined hashes may differ."
    reach: int
    "Bits in which they may differ among the 64 from `start` on."

    def word(self, ring: Hashes) -> Hashes:
        """The 64 bits from the band's start on, the band's own lowest, ``(n,) uint64``."""
        number, shift = divmod(self.start, 64)
        word = ring[:, number] >> np.uint64(shift)
        if shift:
            word |= ring[:, (number + 1) % WORDS] << np.uint64(64 - shift)
        return word

    def keys(self, word: Hashes) -> npt.NDArray[np.uint16]:
        return (word & np.uint64(2**self.width - 1)).astype(np.uint16)

    def joins(self, difference: Hashes) -> npt.NDArray[np.bool_]:
        """Which pairs this band joins, from their differing bits ``(pairs, 4)``."""
        word = self.word(difference)
        inside = np.bitwise_count(self.keys(word)) <= self.radius
        return inside & (np.bitwise_count(word) <= self.reach)

    def flips(self) -> Ints:
        """Every difference between two keys of at most `radius` bits."""
        every = np.arange(2**self.width)
        return every[np.bitwise_count(every) <= self.radius]


def _bands(width: int, max_distance: int) -> list[_Band]:
    """Bands that together miss no pair within the distance.

    The radii, each plus one, add up to ``max_distance + 1``: more than a near pair's differing
    bits. Going round the ring, the bits seen minus the radii plus one allowed so far end below
    zero, so from some band on they stay below zero all the way (the cycle lemma).
    """
    count, ahead = BITS // width, 64 // width
    base, extra = divmod(max_distance + 1 - count, count)
    radii = [base + (number < extra) for number in range(count)]
    bands = []
    for number, radius in enumerate(radii):
        allowed = sum(radii[(number + k) % count] + 1 for k in range(ahead))
        if radius >= 0:
            bands.append(_Band(number * width, width, radius, allowed - 1))
    return bands


def _cost(bands: list[_Band], n: int) -> float:
    """Rough nanoseconds of a search: per bucket visited, and per two hashes compared."""
    nanoseconds = 0.0
    for band in bands:
        width, radius = band.width, min(band.radius, band.width)
        meet = sum(math.comb(width, k) * _DIFFER**k * (1 - _DIFFER) ** (width - k) for k in range(radius + 1))
        nanoseconds += min(n, 2**width) * 10_000 + 6 * meet * n * n / 2
    return nanoseconds


def _ring(hashes: Hashes, width: int) -> Hashes:
    """The hashes with their bits in ring order, ``(n, 4) uint64``.

    A band takes every count-th bit: it then mixes low and high frequencies, which are less
    correlated than neighbours, and its buckets are of more even size.
    """
    bits = np.arange(BITS).reshape(width, -1).T.ravel()
    ring = np.empty_like(hashes)
    for start in range(0, len(hashes), _BATCH_ROWS):
        rows = slice(start, start + _BATCH_ROWS)
        octets = np.ascontiguousarray(hashes[rows].astype("<u8", copy=False)).view(np.uint8)
        unpacked = np.unpackbits(octets, axis=1, bitorder="little")
        ring[rows] = _packed(unpacked[:, bits])
    return ring


def _meetings(ring: Hashes, band: _Band) -> Iterator[tuple[Ints, Ints]]:
    """Pairs that the band joins, each once, in batches."""
    word = band.word(ring)
    keys = band.keys(word)
    order = np.argsort(keys, kind="stable")
    batch: list[tuple[Ints, Ints]] = []
    waiting = 0
    for left, right in _joined(word[order], keys[order], band):
        batch.append((left, right))
        waiting += len(left)
        if waiting > _BATCH_PAIRS:
            yield _in_order(order, batch)
            batch, waiting = [], 0
    if batch:
        yield _in_order(order, batch)


def _in_order(order: Ints, batch: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    left, right = (np.concatenate(side) for side in zip(*batch, strict=True))
    return order[left], order[right]


def _joined(word: Hashes, keys: npt.NDArray[np.uint16], band: _Band) -> Iterator[tuple[Ints, Ints]]:
    """Positions ``left < right`` joined by the band; `word` and `keys` are sorted by key."""
    starts = np.searchsorted(keys, np.arange(2**band.width + 1))
    occupied, flips = np.flatnonzero(np.diff(starts)), band.flips()
    for first in range(0, len(occupied), _BATCH_KEYS):
        some = occupied[first : first + _BATCH_KEYS, None]
        others = some ^ flips  # (keys, flips); the key itself first
        counts = np.where(others >= some, starts[others + 1] - starts[others], 0)
        columns = _ranges(starts[others].ravel(), counts.ravel())
        ends = np.cumsum(counts.sum(axis=1))
        spans = (starts[some[:, 0]], counts[:, 0], ends - counts.sum(axis=1), ends)
        for start, own, low, high in zip(*(span.tolist() for span in spans), strict=True):
            if high - low > 1:
                yield from _close(word, range(start, start + own), columns[low:high], band.reach)


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """``start, start + 1, ...``, count numbers each, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1]) + np.repeat(starts - ends + counts, counts)


def _close(word: Hashes, rows: range, columns: Ints, reach: int) -> Iterator[tuple[Ints, Ints]]:
    """Positions ``row < column`` whose words differ in at most `reach` bits.

    `columns` begin with the rows themselves.
    """
    others = word[columns]
    step = max(1, _BLOCK // len(columns))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        near = np.bitwise_count(word[part.start : part.stop, None] ^ others) <= reach
        near.reshape(-1)[start :: len(columns) + 1] = False  # each row with itself
        hits = np.flatnonzero(near)
        if len(hits):
            row, column = np.divmod(hits, len(columns))
            left, right = row + part.start, columns[column]
            forward = left < right
            yield left[forward], right[forward]


def _new_pairs(difference: Hashes, earlier: list[_Band], max_distance: int) -> npt.NDArray[np.bool_]:
    """Which pairs are near and joined by no earlier band, from their bits ``(pairs, 4)``."""
    new = np.bitwise_count(difference).sum(axis=1) <= max_distance
    for band in earlier:
        new &= ~band.joins(difference)
    return new


def _distances(hashes: Hashes, i: Ints, j: Ints) -> Ints:
    distance = np.empty(len(i), np.int64)
    for start in range(0, len(i), _BATCH_PAIRS):
        rows = slice(start, start + _BATCH_PAIRS)
        distance[rows] = hamming(hashes[i[rows]], hashes[j[rows]])
    return distance
