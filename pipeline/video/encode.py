"""Writing videos."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from pipeline.runtime.files import replacing


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write frames, (H, W, 3) uint8 BGR of one shape, as H.264 in MP4; odd sides lose their last pixel."""
    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            height, width = (side - side % 2 for side in frame.shape[:2])  # 4:2:0 needs even sides
            if not stream.codec_context.is_open:
                stream.width, stream.height = width, height
            cut = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(VideoFrame.from_ndarray(cut, format="bgr24")))
        container.mux(stream.encode())
