"""How stored frames are turned and mirrored so that they appear as a player shows them."""

import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

Matrix = tuple[int, int, int, int]
"""a, b, c, d, each -1, 0 or 1: the stored pixel (x, y) is shown at (a x + c y, b x + d y), y downwards, as in
the display matrix of MP4 (ISO 14496-12, 8.3.2)."""

_UNREADABLE = (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError, struct.error)
"""What Pillow raises for damaged headers; FFmpeg may be able to read the image."""

_EXIF_ORIENTATION = 0x0112
_MIRRORED = (2, 4, 5, 7)
"""EXIF orientations that mirror the image (EXIF 2.3, 4.6.4)."""


def matrix_of(frame: VideoFrame) -> Matrix:
    """Return how a frame of a video is shown: its display matrix, to the nearest quarter turn."""
    return _mirrored(frame) or _turn(_clockwise(frame))


def matrix_of_still(frame: VideoFrame, path: Path) -> Matrix:
    """Return how a still image is shown; FFmpeg gives only the rotation of its EXIF orientation."""
    a, b, c, d = _turn(_clockwise(frame))
    return (a, b, -c, -d) if _is_mirrored_by_exif(path) else (a, b, c, d)


def rotation(matrix: Matrix) -> int:
    """Return the clockwise rotation in degrees: 0, 90, 180 or 270; of a mirrored frame, after mirroring."""
    a, b, c, d = matrix
    if a * d - b * c < 0:
        a, b = -a, -b
    return round(math.degrees(math.atan2(b, a))) % 360


def is_turned(matrix: Matrix) -> bool:
    """Return whether width and height are exchanged."""
    return matrix[0] == 0


def oriented(pixels: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Return a frame as shown: (H, W, 3) uint8, or (W, H, 3) if it is turned."""
    a, b, c, d = matrix
    if is_turned(matrix):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: d or 1, :: a or 1])


def _clockwise(frame: VideoFrame) -> int:
    return round(-frame.rotation / 90) % 4


def _turn(quarters: int) -> Matrix:
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    return cosine, sine, -sine, cosine


def _mirrored(frame: VideoFrame) -> Matrix | None:
    """Return the display matrix of a frame if it mirrors; else None: the rotation is all."""
    try:
        matrix = bytes(frame.side_data["DISPLAYMATRIX"])  # type: ignore[typeddict-item]
        raw = np.frombuffer(matrix, np.int32).astype(np.int64)
    except (KeyError, ValueError):  # none, or PyAV does not know some other side data of the frame
        return None
    a, b, c, d = (int(raw[place]) for place in (0, 1, 3, 4))
    if a * d - b * c >= 0:
        return None
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _sign(a), 0, 0, _sign(d)
    return 0, _sign(b), _sign(c), 0


def _sign(value: int) -> int:
    return -1 if value < 0 else 1


def header_extent(path: Path) -> tuple[int, int]:
    """Return the stored width and height of a still image by its header; (0, 0) if unknown."""
    with _still_header(path) as image:
        return image.size if image else (0, 0)


def _is_mirrored_by_exif(path: Path) -> bool:
    """Return whether a still image's EXIF orientation mirrors it."""
    try:
        with _still_header(path) as image:
            return bool(image) and image.getexif().get(_EXIF_ORIENTATION) in _MIRRORED
    except _UNREADABLE:
        return False


@contextmanager
def _still_header(path: Path) -> Iterator[Any]:
    """Yield a still image of which only the header is read; None if it cannot be read."""
    from PIL import Image  # not needed for videos

    Image.MAX_IMAGE_PIXELS = None  # callers check the size; nothing is decoded here
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged metadata
    try:
        image = Image.open(path)
    except _UNREADABLE:
        yield None
        return
    with image:
        yield image
