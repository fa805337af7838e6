"""Perceptual hashes of face crops.

The hash is the sign of the 256 lowest DCT frequencies of the crop's *logarithm*, after pHash
(Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"), changed in
three ways, each measured on real faces (docs/dedup.md):

- 256 bits, not 64: every face crop shows the same layout, so 64 bits cannot tell subjects apart;
- the logarithm: a gain then changes only the mean and a gamma only scales the other coefficients;
  neither changes a sign;
- signs instead of "above the median": no bit depends on the other coefficients.

A hash is a row of four ``uint64``; bit k of the hash is bit ``k % 64`` of word ``k // 64``, in
the order of rising frequency.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Greys = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

WORDS = 4
BITS = 64 * WORDS

_SIDE_PX = 32  # the crop is reduced to this before the DCT; frequencies used stay below 23
_LOG_OFFSET = 4.0  # grey levels; keeps sensor noise in black regions from deciding bits
_ROUNDING = 1e-3  # coefficients are of the order of 1; smaller values are rounding errors of float32
_BATCH = 1024  # crops hashed at once: 4 MB of float32


def perceptual_hash(grey: Greys) -> Hashes:
    """Hash one crop, ``(H, W) uint8`` -> ``(4,) uint64``."""
    return perceptual_hashes([grey])[0]


def perceptual_hashes(greys: Sequence[Greys] | Greys) -> Hashes:
    """Hash crops of any sizes, ``n`` x ``(H, W) uint8`` -> ``(n, 4) uint64``."""
    hashes = np.empty((len(greys), WORDS), np.uint64)
    for start in range(0, len(greys), _BATCH):
        batch = greys[start : start + _BATCH]
        hashes[start : start + len(batch)] = _hash_stack(_reduced_stack(batch))
    return hashes


def hash_bytes(hashes: Hashes) -> list[bytes]:
    """Return the 32 bytes of each hash as tables store them: little-endian on every machine."""
    return [row.tobytes() for row in hashes.astype("<u8")]


def hashes_from_bytes(rows: Sequence[bytes]) -> Hashes:
    """Return the hashes of stored bytes, ``(n, 4) uint64``; the inverse of `hash_bytes`."""
    return np.frombuffer(b"".join(rows), "<u8").reshape(-1, WORDS).astype(np.uint64)


def hamming(a: Hashes, b: Hashes) -> Ints:
    """Return the number of differing bits of hashes ``(..., 4)``; leading dimensions broadcast."""
    return np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int64)


def _reduced_stack(greys: Sequence[Greys] | Greys) -> Greys:
    """``n`` x ``(H, W)`` -> ``(n, 32, 32) uint8``.

    Crops of one size that is a multiple of 32 are stacked and reduced in one call, with the same result.
    """
    shapes = {grey.shape for grey in greys}
    if len(shapes) == 1 and not any(side % _SIDE_PX for side in greys[0].shape):
        tall = np.concatenate(list(greys))
        return _reduced(tall, height=len(greys) * _SIDE_PX).reshape(-1, _SIDE_PX, _SIDE_PX)
    return np.stack([_reduced(grey) for grey in greys])


def _reduced(grey: Greys, height: int = _SIDE_PX) -> Greys:
    if grey.ndim != 2 or grey.dtype != np.uint8:
        raise ValueError(f"expected a grey (H, W) uint8 crop, got {grey.shape} {grey.dtype}")
    return cv2.resize(grey, (_SIDE_PX, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _hash_stack(small: Greys) -> Hashes:
    light = _LOG[small]
    coefficients = _DCT @ light @ _DCT.T
    bits = coefficients[:, _ROWS, _COLUMNS] > _ROUNDING
    return packed(bits)


def packed(bits: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> Hashes:
    """Pack bits, ``(n, 256)`` -> ``(n, 4) uint64``."""
    octets = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little"))
    return octets.view("<u8").astype(np.uint64)


def _dct_matrix(side: int) -> npt.NDArray[np.float32]:
    """Return the orthonormal DCT-II, ``(side, side)``: row k holds frequency k."""
    k, x = np.mgrid[:side, :side]
    matrix = np.cos(np.pi * k * (2 * x + 1) / (2 * side)) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _lowest_frequencies() -> tuple[Ints, Ints]:
    """Return rows and columns of the `BITS` lowest frequencies except the mean, by rising row + column."""
    row, column = np.mgrid[:_SIDE_PX, :_SIDE_PX].reshape(2, -1)
    lowest = np.lexsort((row, row + column))[1 : BITS + 1]
    return row[lowest], column[lowest]


_ROWS, _COLUMNS = _lowest_frequencies()
_DCT = _dct_matrix(_SIDE_PX)[: max(_ROWS.max(), _COLUMNS.max()) + 1]
_LOG = np.log(np.arange(256) + _LOG_OFFSET).astype(np.float32)
