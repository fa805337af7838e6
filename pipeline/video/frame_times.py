"""The times of all frames of a recording, for tables that name frames by their index."""

from pathlib import Path

import av

from pipeline.runtime.errors import EmoError
from pipeline.video.container import opened, stamp_of, video_stream

_LARGEST_SHIFT = 0.5
"""Frames by which a frame may be off a constant rate; beyond that, its index is that of another frame."""


def constant_frame_times(path: Path) -> list[float]:
    """Return the time at which each frame starts, and the time at which the last one ends.

    Times are seconds from the first frame, as `sample` counts them. Packets are read, nothing is decoded.

    Raises:
        EmoError: The file cannot be read, has fewer than two frames, or its frame rate is not constant, so
            that programs count its frames differently.
    """
    try:
        with opened(path) as container:
            stream = video_stream(container, path)
            tick_s = float(stream.time_base or 1)
            stamps = sorted(stamp_of(packet) for packet in container.demux(stream) if packet.size)
            shown = [stamp for stamp in stamps if stamp >= (stream.start_time or 0)] or stamps
    except av.error.FFmpegError as error:
        raise EmoError(
            f"{path}: cannot be read ({error.strerror}); check that it is a complete video"
        ) from None
    times = [(stamp - shown[0]) * tick_s for stamp in shown]
    if len(times) < 2:
        raise EmoError(f"{path}: {len(times)} frame; frame indices need a video")
    period_s = times[-1] / (len(times) - 1)
    if any(abs(time_s - index * period_s) > _LARGEST_SHIFT * period_s for index, time_s in enumerate(times)):
        raise EmoError(
            f"{path}: its frame rate varies, so that programs count its frames differently; give times in "
            "seconds (start_s, end_s) instead of frame indices"
        )
    return [*times, times[-1] + period_s]
