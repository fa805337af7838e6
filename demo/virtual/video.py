"""Writes MP4 files: H.264 to the same bytes each time, variable frame rate, rotation flag."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

_TICKS_PER_S = 1000
_QUALITY = 26  # x264's constant rate factor


def write_video(
    path: Path, frames: Iterable[NDArray[np.uint8]], times_s: Iterable[float], *, fps: int
) -> None:
    """Encode RGB frames (H, W, 3) shown at `times_s` seconds into an MP4 file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = None
        for image, time_s in zip(frames, times_s, strict=True):
            if stream is None:
                stream = _add_stream(container, image.shape, fps)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts = round(time_s * _TICKS_PER_S)
            frame.time_base = Fraction(1, _TICKS_PER_S)
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError(f"{path}: no frames to encode")
        container.mux(stream.encode())


def _add_stream(container: av.container.OutputContainer, shape: tuple[int, ...], fps: int) -> av.VideoStream:
    # One thread, no scene cut decisions across threads: the same bytes on every run.
    options = {"crf": str(_QUALITY), "preset": "medium", "threads": "1", "bf": "2"}
    stream = container.add_stream("libx264", rate=fps, options=options)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
    stream.time_base = Fraction(1, _TICKS_PER_S)
    return stream


def flag_rotation(path: Path) -> None:
    """Tell players to turn the pictures by 90 degrees clockwise.

    Writes the display matrix into the track header (`tkhd`, ISO/IEC 14496-12, 8.3.2): PyAV
    cannot set it.
    """
    data = bytearray(path.read_bytes())
    start = data.find(b"tkhd")
    if start < 0:
        raise ValueError(f"{path}: no track header")
    version = data[start + 4]
    matrix_at = start + 4 + 4 + (32 if version == 1 else 20) + 16
    height_fixed = struct.unpack(">I", data[matrix_at + 40 : matrix_at + 44])[0]
    clockwise = (0, 1 << 16, 0, -(1 << 16), 0, 0, height_fixed, 0, 1 << 30)
    data[matrix_at : matrix_at + 36] = struct.pack(">9i", *clockwise)
    path.write_bytes(data)
