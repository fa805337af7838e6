"""Probe still images: a still image counts as a video of one frame at 0 s, without frame rate or duration."""

import math
import struct
from pathlib import Path

import av
import numpy as np

from pipeline.runtime.errors import EmoError
from pipeline.runtime.regular_files import open_regular
from pipeline.video.container import first_frame, is_still, opened, refuse_pointers, video_stream, why
from pipeline.video.decode import Sampling, Tally, sample
from pipeline.video.info import VideoInfo
from pipeline.video.orientation import matrix_of_still, rotation
from pipeline.video.picture import upright_extent
from pipeline.video.unusable import UnusableError

_LARGEST_SIDE_PX = 16_384
"""Longer side of an image that is read whole; larger ones are scaled down."""

_TIFF_MAGIC = (b"II*\0", b"MM\0*")
_TIFF_COMPRESSION = 259
"""Tag of a TIFF's first directory (TIFF 6.0, section 8)."""

_TIFF_JPEG = (6, 7)
"""JPEG within TIFF, old and new style: FFmpeg decodes it to a black image, without an error."""


def probe_still(path: Path) -> VideoInfo:
    """Open a still image and decode it; raise EmoError if it is not one, or is not complete."""
    refuse_pointers(path)
    compression = _tiff_compression(path)
    if compression in _TIFF_JPEG:
        raise EmoError(f"{path}: a TIFF compressed as JPEG, which cannot be decoded; convert it to PNG")
    try:
        with opened(path) as container:
            stream = video_stream(container, path)
            if not is_still(container):
                raise EmoError(f"{path}: not a still image ({container.format.name}); leave it out")
            first = first_frame(container, stream)
            codec = stream.codec_context.name
            if codec == "mjpeg" and not _is_complete_jpeg(path):
                raise av.error.InvalidDataError(0, "the image is truncated")
            matrix, aspect = matrix_of_still(first, path), float(stream.sample_aspect_ratio or 1) or 1.0
            width, height = upright_extent((first.width, first.height), aspect, matrix)
            return VideoInfo(width, height, 0.0, 0.0, 1, codec, rotation(matrix))
    except av.error.FFmpegError as error:
        remedy = "check that it is a complete image: open it, then copy it again or leave it out"
        if compression:  # some TIFFs hold floats or 32 bits, or have rare compressions
            remedy = "if the copy is complete, this kind of TIFF is not supported: convert it to PNG"
        raise EmoError(f"{path}: cannot be decoded ({why(error)}); {remedy}") from None


def _is_complete_jpeg(path: Path) -> bool:
    """Return whether a JPEG has its end (EOI) after its last scan (SOS); decoders fill in what is truncated.

    Neither marker can occur within a scan (ITU-T T.81, B.1.1.2).
    """
    data = path.read_bytes()
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")


def _tiff_compression(path: Path) -> int:
    """Return the compression of the first image of a TIFF (1: none); 0 for any other file."""
    with open_regular(path) as file:
        if file.read(4) not in _TIFF_MAGIC:
            return 0
    data = path.read_bytes()
    order = "<" if data.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        entries = [struct.unpack_from(f"{order}H6xH", data, start + 2 + 12 * i) for i in range(count)]
    except struct.error:  # truncated: the decoder reports it
        return 1
    return dict(entries).get(_TIFF_COMPRESSION, 1)


def read_still(path: Path) -> np.ndarray:
    """Return a still image, upright, as (H, W, 3) uint8 BGR; raise UnusableError if it cannot be decoded."""
    frame = next(sample(path, Sampling(0.0, math.inf, 1.0, _LARGEST_SIDE_PX), Tally()), None)
    if frame is None:
        raise UnusableError(path, "cannot be decoded", "copy it again, or leave it out")
    return frame.pixels
