"""Recordings for the tests, written by PyAV: each seed gives different content."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_video(path: Path, seed: int = 0, *, frames: int = 10, fps: int = 10, side: int = 64) -> Path:
    """Write a video of `frames` frames of `side` x `side` pixels that depend on the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "matroska" if path.suffix == ".mkv" else "avi" if path.suffix.lower() == ".avi" else "mp4"
    with av.open(str(path), "w", format=kind) as container:
        container.metadata["comment"] = f"seed {seed}"
        stream = container.add_stream("libx264" if kind != "avi" else "mpeg4", rate=fps)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        for index in range(frames):
            pixels = np.full((side, side, 3), (seed * 7) % 200, np.uint8)
            pixels[(seed + index) % side] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """Write a file with an audio stream and no video stream."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        for _ in range(8):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
