"""Encoding and decoding of still images."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing

cv2.setNumThreads(1)  # clips run in parallel: threads of OpenCV would only wait for each other


def encode_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """Encode (H, W, 3) uint8 BGR or (H, W) uint8 grey as JPEG of quality 1..100."""
    return _encode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(pixels: np.ndarray) -> bytes:
    """Encode (H, W, 3) uint8 BGR or (H, W) uint8 grey as PNG."""
    return _encode(".png", pixels, [])


def decode_grey(data: bytes) -> np.ndarray:
    """Decode a JPEG or PNG to (H, W) uint8 grey."""
    return _decode(data, cv2.IMREAD_GRAYSCALE)


def decode_colour(data: bytes) -> np.ndarray:
    """Decode a JPEG or PNG to (H, W, 3) uint8 BGR."""
    return _decode(data, cv2.IMREAD_COLOR)


def decode(data: bytes) -> np.ndarray:
    """Decode a JPEG or PNG as it is: (H, W) uint8 grey or (H, W, 3) uint8 BGR."""
    return _decode(data, cv2.IMREAD_UNCHANGED)


def as_grey(pixels: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) uint8 BGR or (H, W) uint8 grey as (H, W) uint8 grey."""
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W, 3) uint8 BGR as a PNG file."""
    with replacing(path) as temporary:
        temporary.write_bytes(encode_png(pixels))


def _encode(ending: str, pixels: np.ndarray, options: list[int]) -> bytes:
    done, data = cv2.imencode(ending, pixels, options)
    if not done:
        raise ValueError(f"cannot encode {pixels.shape} {pixels.dtype} as {ending}")
    return data.tobytes()


def _decode(data: bytes, flags: int) -> np.ndarray:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:  # more than LARGEST_PX
        pixels = None
    if pixels is None:
        raise EmoError("a stored image cannot be decoded; remove data/ and run `dvc repro`")
    return pixels
