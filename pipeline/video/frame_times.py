"""The times of all frames of a recording, for tables that name frames by their index."""

from math import inf
from pathlib import Path

import av

from pipeline.runtime.errors import EmoError
from pipeline.video.container import opened, video_stream, why
from pipeline.video.reader import Reader

_LARGEST_SHIFT = 0.5
"""Frames by which a frame may be off a constant rate; beyond that, its index is that of another frame."""


def constant_frame_times(path: Path) -> list[float]:
    """Return the time at which each frame starts, and the time at which the last one ends.

    Times are seconds of the player's clock, as `sample` counts them. Packets are read, nothing is decoded.

    Raises:
        EmoError: The file cannot be read, has fewer than two frames, or its frame rate is not constant, so
            that programs count its frames differently.
    """
    try:
        with opened(path) as container:
            stream = video_stream(container, path)
            shown = Reader(container, stream).shown(0.0, inf).values()
    except av.error.FFmpegError as error:
        raise EmoError(f"{path}: cannot be read ({why(error)}); check that it is a complete video") from None
    times = [moment.time_s for moment in shown]
    if len(times) < 2:
        raise EmoError(f"{path}: {len(times)} frame; frame indices need a video")
    period_s = (times[-1] - times[0]) / (len(times) - 1)
    shifts = (time_s - times[0] - index * period_s for index, time_s in enumerate(times))
    if any(abs(shift_s) > _LARGEST_SHIFT * period_s for shift_s in shifts):
        raise EmoError(
            f"{path}: its frame rate varies, so that programs count its frames differently; give times in "
            "seconds (start_s, end_s) instead of frame indices"
        )
    return [*times, times[-1] + period_s]
