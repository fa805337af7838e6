"""The packets of a recording on the player's clock, and which of them a choice of frames needs. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

TOLERANCE_S = 0.0005
"""Timestamps are rounded to the container's clock; a frame half a millisecond late is on time."""

_SHORT_GAP = 16
"""Shorter runs of unneeded packets are decoded all the same, because restarting a decoder takes time (none if
every packet is independent, as in MJPEG)."""


@dataclass(frozen=True)
class Sampling:
    """Which frames of a recording are sampled."""

    start_s: float
    "Start of the stretch, seconds."
    end_s: float
    "End of the stretch, seconds, exclusive; infinite for the end of the recording."
    step_s: float
    "Step, seconds: sampled is the first frame at or after start, start + step, start + 2 step ..."
    max_side: int
    "Longer side of the sampled frames, pixels; smaller frames are not scaled."


class Entry(NamedTuple):
    """What is known about a packet before it is decoded."""

    stamp: int
    "Presentation timestamp, ticks."
    decoding: int
    "Decoding timestamp, ticks."
    is_key: bool
    "Whether it is flagged as a keyframe."
    is_hidden: bool = False
    "Whether an edit list hides its frame, which is decoded only for the frames that refer to it."
    is_corrupt: bool = False
    "Whether the container reports that the packet is incomplete."
    is_timed: bool = True
    "Whether the container gives it a timestamp."


class Moment(NamedTuple):
    """Place of a frame in its recording."""

    frame: int
    "Position among the frames that a player shows, in the order of presentation."
    time_s: float
    "Presentation time, seconds of the player's clock."


@dataclass(frozen=True)
class Clock:
    """Converts timestamps to seconds of the player's clock, which starts with the earliest stream."""

    tick_s: float
    "Seconds per tick of the video stream."
    origin: int
    "Timestamp of the first frame shown."
    offset_s: float
    "Time of that frame: greater than 0 if the sound starts first."

    def seconds(self, stamp: int) -> float:
        """Return the time of a timestamp."""
        return round((stamp - self.origin) * self.tick_s + self.offset_s, 6)

    def floor(self, time_s: float) -> int:
        """Return the last timestamp at or before a time."""
        return self.origin + math.floor((time_s - self.offset_s) / self.tick_s)


def usual_distance(stamps: Sequence[int], nominal: float) -> float:
    """Return the usual distance between sorted timestamps, in ticks; `nominal` if there is only one."""
    spans = [b - a for a, b in pairwise(stamps)]
    return sorted(spans)[len(spans) // 2] if spans else nominal


def needed(entries: Sequence[Entry], wanted: dict[int, Moment]) -> bytearray:
    """Return for each packet whether it must be decoded for the wanted frames: 1 or 0.

    A frame needs the packets from its keyframe on; one that is shown before the keyframe that precedes it
    (open GOP) also needs those from the keyframe before that.
    """
    flags = bytearray(len(entries))
    key = key_before = 0
    for position, entry in enumerate(entries):
        if entry.is_key:
            key_before, key = key, position
        if entry.stamp in wanted and not entry.is_hidden:
            first = key_before if entry.stamp < entries[key].stamp else key
            flags[first : position + 1] = b"\1" * (position + 1 - first)
    short = 1 if all(entry.is_key for entry in entries) else _SHORT_GAP
    for gap in re.finditer(rb"\0+", bytes(flags)):
        if len(gap[0]) < short:
            flags[gap.start() : gap.end()] = b"\1" * len(gap[0])
    return flags


def at_regular_times(shown: dict[int, Moment], sampling: Sampling) -> dict[int, Moment]:
    """Select from timestamp -> moment the first frame at or after each of the regular times."""
    chosen: dict[int, Moment] = {}
    step = 0
    for stamp, moment in shown.items():
        time_s = moment.time_s - sampling.start_s + TOLERANCE_S
        if time_s >= step * sampling.step_s:
            chosen[stamp] = moment
            step = math.floor(time_s / sampling.step_s) + 1
    return chosen


def with_neighbours(wanted: dict[int, Moment], stamps: Sequence[int]) -> dict[int, Moment]:
    """Add the frames before and after each wanted frame; `stamps` are those of all frames, sorted."""
    nothing = Moment(-1, math.nan)
    found = dict(wanted)
    for position, stamp in enumerate(stamps):
        if stamp in wanted:
            for other in stamps[max(0, position - 1) : position + 2]:
                found.setdefault(other, nothing)
    return found
