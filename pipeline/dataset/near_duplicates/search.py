"""Exact search for near-duplicates among millions of hashes, and the choice of the ones that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.faces.perceptual_hash import BITS, WORDS, Hashes, Ints, hamming, packed
from pipeline.runtime.executors import worker_count

Floats = npt.NDArray[np.float64]
Pairs = tuple[Ints, Ints, Ints]


def representatives(hashes: Hashes, sharpness: npt.NDArray[np.floating], max_distance: int) -> Ints:
    """Return for each item the index of the kept item that represents it; its own index if it is kept.

    Greedy: from the sharpest item to the least sharp (ties: lower index first), an item within `max_distance`
    bits of a kept one is dropped in favour of the nearest kept one; any other item is kept.
    ``(n, 4) uint64, (n,) float -> (n,) int64``.
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
    """Return all pairs ``i < j`` of hashes at most `max_distance` bits apart, sorted, each once.

    The result is exact; memory is linear in the number of hashes and of pairs found.

    The bits are cut into bands, laid out in a ring (multi-index hashing, Norouzi, Punjani & Fleet 2012, with
    the stronger filter of Qin & Xiao 2018, "Pigeonring"): two near hashes differ in few bits of some band and
    in few of the 64 bits from its start on. Only hashes whose bands nearly agree are compared, one word each,
    in dense blocks; the pairs that pass are compared in full.

    Args:
        hashes: ``(n, 4) uint64``.
        max_distance: Bits of 256.
        groups: ``(n,) int``; if given, only pairs of different groups are returned.

    Returns:
        ``i, j, distance``, each ``(pairs,) int64``.
    """
    bands = _bands(max_distance)
    ring = _ring(hashes)

    def search(number: int) -> Ints:
        codes = [_NONE]
        for i, j in _candidates(ring, bands[number]):
            if groups is not None:
                apart = groups[i] != groups[j]
                i, j = i[apart], j[apart]
            new = _new_pairs(ring[i] ^ ring[j], bands[: number + 1], max_distance)
            codes.append(np.minimum(i, j)[new] * len(ring) + np.maximum(i, j)[new])
        return np.concatenate(codes)

    with ThreadPoolExecutor(worker_count()) as pool:  # numpy releases the interpreter lock inside a block
        codes = np.concatenate([_NONE, *pool.map(search, range(len(bands)))])
    codes.sort()
    i, j = np.divmod(codes, max(len(ring), 1))
    return i, j, _distances(hashes, i, j)


def near_pairs_of(some: Ints, hashes: Hashes, max_distance: int, *, groups: npt.NDArray[np.integer]) -> Pairs:
    """Return the pairs ``i < j`` of different groups of which at least one is among `some`, sorted.

    Compares each of `some` with all hashes, so `some` should be few; else as `near_pairs`.
    """
    found: dict[tuple[int, int], int] = {}
    for one in some.tolist():
        distance = hamming(hashes[one], hashes)
        for other in np.flatnonzero((distance <= max_distance) & (groups != groups[one])).tolist():
            found[min(one, other), max(one, other)] = int(distance[other])
    pairs = np.array([(*pair, found[pair]) for pair in sorted(found)], np.int64).reshape(-1, 3)
    return pairs[:, 0], pairs[:, 1], pairs[:, 2]


_WIDTH = 16  # bits of a band, one uint16; divides 64, so that a ring of bands is a ring of words
_BANDS = BITS // _WIDTH
_BLOCK = 1 << 17  # pairs compared at once: 1.3 MB, which fits the processor's cache
_BATCH_PAIRS = 1 << 16  # pairs that passed a block and are compared in full together
_BATCH_COLUMNS = 1 << 20
_BATCH_ROWS = 1 << 14
_NONE: Ints = np.empty(0, np.int64)

_VISIT_NS, _COLUMN_NS, _PAIR_NS = 20_000, 5, 1.2  # time of a block: fixed, per column, per pair


@dataclass(frozen=True)
class _Band:
    """Adjacent bits of the ring. At least one band joins two near hashes."""

    start: int
    "Position of the first bit in the ring."
    radius: int
    "Bits of the band in which joined hashes may differ."
    reach: int
    "Bits in which they may differ among the 64 from `start` on."

    def word(self, ring: Hashes) -> Hashes:
        """Return the 64 bits from the band's start on, its own bits lowest, ``(n,) uint64``."""
        number, shift = divmod(self.start, 64)
        word = ring[:, number] >> np.uint64(shift)
        if shift:
            word |= ring[:, (number + 1) % WORDS] << np.uint64(64 - shift)
        return word

    def joins(self, difference: Hashes) -> npt.NDArray[np.bool_]:
        """Return which pairs the band joins, from their differing bits ``(pairs, 4)``."""
        word = self.word(difference)
        inside = np.bitwise_count(word.astype(np.uint16)) <= self.radius
        return inside & (np.bitwise_count(word) <= self.reach)


def _bands(max_distance: int) -> list[_Band]:
    """Return bands that together miss no pair within the distance.

    Each band has a share of ``max_distance + 1`` bits, one more than a near pair can differ in. Around the
    ring, the differing bits minus the shares sum to less than zero, so from some band on every partial sum is
    below zero (the cycle lemma).
    """
    base, extra = divmod(max_distance + 1, _BANDS)
    shares = [base + (number < extra) for number in range(_BANDS)] * 2
    starts = [number for number in range(_BANDS) if shares[number]]
    ahead = 64 // _WIDTH
    return [_Band(k * _WIDTH, shares[k] - 1, sum(shares[k : k + ahead]) - 1) for k in starts]


def _ring(hashes: Hashes) -> Hashes:
    """Return the hashes with their bits in ring order, ``(n, 4) uint64``.

    A band takes every 16th bit. It then mixes low and high frequencies, which are less correlated than
    adjacent ones, and its buckets are of more even size.
    """
    ring = np.empty_like(hashes)
    for start in range(0, len(hashes), _BATCH_ROWS):
        rows = slice(start, start + _BATCH_ROWS)
        octets = np.ascontiguousarray(hashes[rows].astype("<u8", copy=False)).view(np.uint8)
        unpacked = np.unpackbits(octets, axis=1, bitorder="little")
        dealt = unpacked.reshape(-1, _WIDTH, _BANDS).swapaxes(1, 2)
        ring[rows] = packed(dealt.reshape(-1, BITS))
    return ring


def _candidates(ring: Hashes, band: _Band) -> Iterator[tuple[Ints, Ints]]:
    """Yield pairs within the band's reach, in batches: all that it joins, and some that it does not."""
    word = band.word(ring)
    order = np.argsort(word.astype(np.uint16), kind="stable")
    batch: list[tuple[Ints, Ints]] = []
    pending = 0
    for left, right in _within_reach(word[order], band):
        batch.append((left, right))
        pending += len(left)
        if pending > _BATCH_PAIRS:
            yield _in_order(order, batch)
            batch, pending = [], 0
    if batch:
        yield _in_order(order, batch)


def _in_order(order: Ints, batch: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    left, right = (np.concatenate(side) for side in zip(*batch, strict=True))
    return order[left], order[right]


def _within_reach(word: Hashes, band: _Band) -> Iterator[tuple[Ints, Ints]]:
    """Yield the positions ``left < right`` of those pairs; `word` is sorted by the band's bits."""
    counts = np.bincount(word.astype(np.uint16), minlength=2**_WIDTH)
    starts = np.concatenate([[0], np.cumsum(counts)])
    block = _Block(word, band.reach)
    for depth, leaves in _leaves(counts, band.radius):
        first = starts[:: 2 ** (_WIDTH - depth)]
        others = leaves[:, None] ^ _flips(depth, band.radius)  # (leaves, flips); the leaf itself first
        many = np.where(others >= leaves[:, None], first[others + 1] - first[others], 0)
        columns = _ranges(first[others].ravel(), many.ravel())
        ends = np.cumsum(many.sum(axis=1))
        spans = (first[leaves], first[leaves + 1], ends - many.sum(axis=1), ends)
        for start, stop, low, high in zip(*(span.tolist() for span in spans), strict=True):
            yield from block.pairs(range(start, stop), columns[low:high])


def _flips(depth: int, radius: int) -> Ints:
    """Return every difference of at most `radius` bits between two prefixes of `depth` bits, 0 first."""
    return np.flatnonzero(np.bitwise_count(np.arange(2**depth)) <= radius)


def _leaves(counts: Ints, radius: int) -> Iterator[tuple[int, Ints]]:
    """Yield the prefixes that partition the keys at the least cost: their length in bits and a batch of them.

    `counts` is the number of hashes of each key. Longer prefixes leave fewer pairs to compare but need more
    blocks, which pays off if hashes are dense.
    """
    prefixes = np.zeros(1, np.int64)
    for depth, (cut, columns) in enumerate(_cuts(counts, radius)):
        leaves = prefixes[~cut[prefixes] & (columns[prefixes] > 0)]
        batch = np.cumsum(columns[leaves]) // _BATCH_COLUMNS
        for some in np.split(leaves, np.flatnonzero(np.diff(batch)) + 1):
            if len(some):
                yield depth, some
        prefixes = (2 * prefixes[cut[prefixes], None] + np.arange(2)).ravel()


def _cuts(counts: Ints, radius: int) -> list[tuple[npt.NDArray[np.bool_], Floats]]:
    """Return for each prefix length, shortest first, which prefixes to split in two, and their columns."""
    depth = min(_WIDTH, int(counts.sum()).bit_length())
    counts = counts.reshape(2**depth, -1).sum(axis=1)
    cost, columns = _cost(counts, radius)
    cuts = [(np.zeros(2**depth, bool), columns)]
    for _ in range(depth):
        counts, halves = counts.reshape(-1, 2).sum(axis=1), cost.reshape(-1, 2).sum(axis=1)
        whole, columns = _cost(counts, radius)
        cuts.append((halves < whole, columns))
        cost = np.minimum(halves, whole)
    return cuts[::-1]


def _cost(counts: Ints, radius: int) -> tuple[Floats, Floats]:
    """Return for each prefix the estimated nanoseconds of its block and its number of columns.

    `counts` is the number of hashes of each prefix.
    """
    near = [counts] + [np.zeros_like(counts)] * radius  # by the number of bits that differ
    depth = len(counts).bit_length() - 1
    for bit in range(depth):
        flipped = [some.reshape(-1, 2, 2**bit)[:, ::-1].ravel() for some in near]
        near = [near[0], *(same + other for same, other in zip(near[1:], flipped, strict=False))]
    columns = np.where(counts, (counts + sum(near)) / 2 + len(_flips(depth, radius)), 0.0)
    return np.sign(columns) * _VISIT_NS + columns * (_COLUMN_NS + counts * _PAIR_NS), columns


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """Return ``start, start + 1, ...`` for each start, `counts` numbers each, concatenated."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1]) + np.repeat(starts - ends + counts, counts)


class _Block:
    """Compares words with words, densely, in memory that is allocated once."""

    def __init__(self, word: Hashes, reach: int) -> None:
        size = max(_BLOCK, len(word))
        self.word, self.reach = word, reach
        self.difference = np.empty(size, np.uint64)
        self.distance = np.empty(size, np.uint8)
        self.near = np.empty(size, np.bool_)

    def pairs(self, rows: range, columns: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Yield the positions ``row < column`` whose words differ in at most `reach` bits."""
        others = self.word[columns]
        step = max(1, _BLOCK // len(columns))
        for start in range(rows.start, rows.stop, step):
            hits = self._hits(self.word[start : min(start + step, rows.stop)], others)
            if len(hits):
                row = hits // len(columns)
                left, right = row + start, columns[hits - row * len(columns)]
                forward = left < right
                yield left[forward], right[forward]

    def _hits(self, words: Hashes, others: Hashes) -> Ints:
        size = len(words) * len(others)
        difference, distance, near = self.difference[:size], self.distance[:size], self.near[:size]
        np.bitwise_xor(words[:, None], others, out=difference.reshape(len(words), -1))
        np.bitwise_count(difference, out=distance)
        np.less_equal(distance, self.reach, out=near)
        return np.flatnonzero(near)


def _new_pairs(difference: Hashes, bands: list[_Band], max_distance: int) -> npt.NDArray[np.bool_]:
    """Return which pairs are near and joined by the last band but no earlier one; bits ``(pairs, 4)``."""
    new = np.bitwise_count(difference).sum(axis=1) <= max_distance
    new &= bands[-1].joins(difference)
    for band in bands[:-1]:
        new &= ~band.joins(difference)
    return new


def _distances(hashes: Hashes, i: Ints, j: Ints) -> Ints:
    distance = np.empty(len(i), np.int64)
    for start in range(0, len(i), _BATCH_PAIRS):
        rows = slice(start, start + _BATCH_PAIRS)
        distance[rows] = hamming(hashes[i[rows]], hashes[j[rows]])
    return distance
