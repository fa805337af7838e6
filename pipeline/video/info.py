"""What probing finds about a video or a still image."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a video or a still image."""

    width: int
    "Width of an upright frame, pixels."
    height: int
    "Height of an upright frame, pixels."
    fps: float
    "Average frame rate, frames/s; 0 for a still image."
    duration_s: float
    "End of the picture on the player's clock, seconds; 0 for a still image."
    frames: int
    "Number of frames that a player shows."
    codec: str
    "Name of the codec, as FFmpeg has it."
    rotation: int
    "Clockwise rotation that makes the stored frames upright: 0, 90, 180 or 270 degrees."
    cut_off: str = ""
    "How much of a recording is missing at its end, in one line; empty if it is complete, as far as known."
    notes: tuple[str, ...] = ()
    "What the user should know, one line each, without the path."
