"""Decode the frames of a recording at chosen times.

Times are presentation timestamps, in seconds from the first frame of the video stream. Frames are upright, as
a player shows them: turned by the rotation flag, with square pixels.
"""

import bisect
import math
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, islice
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from pipeline.runtime.errors import EmoError
from pipeline.video.container import (
    decoded,
    is_mirrored,
    is_still,
    opened,
    rotation_of,
    stamp_of,
    upright_extent,
    video_stream,
)

_TOLERANCE_S = 0.0005
"""Timestamps are rounded to the container's clock; a frame half a millisecond late is on time."""

_SEEK_AFTER_S = 2.0
"""Stretches that start earlier are reached by decoding from the start of the recording."""

_SKIPPING = frozenset({"h264", "hevc", "mpeg4", "mpeg2video"})
"""Decoders that can skip, packet by packet, frames that are not a reference for others."""

_SHORT_GAP = 16
"""Shorter runs of unneeded packets are decoded all the same, because restarting a decoder takes time (none if
every packet is independent, as in MJPEG)."""

_REORDERED = 64
"""Maximum number of packets after which a decoder returns a frame."""

_PLANAR = frozenset({"yuv420p", "yuvj420p"})
"""Pixel formats whose planes are scaled before colour conversion, which takes a quarter of the time."""


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


@dataclass(frozen=True)
class SampledFrame:
    """One sampled frame."""

    frame: int
    "Index in the stream, in the order of presentation."
    time_s: float
    "Presentation time, seconds from the first frame."
    pixels: np.ndarray
    "(H, W, 3) uint8, BGR, upright."


@dataclass
class Tally:
    """Counts that `sample` fills in while it reads."""

    wanted: int = 0
    "Number of sampled frames."
    corrupt: int = 0
    "Number of sampled frames that are damaged and left out."
    width: int = 0
    "Width of an upright frame before scaling, pixels."
    height: int = 0
    "Height of an upright frame before scaling, pixels."


def sample(path: Path, sampling: Sampling, tally: Tally) -> Iterator[SampledFrame]:
    """Yield the frames of a recording at regular times; count them in `tally`.

    The timestamps of the packets determine in advance which frames are sampled, so that variable frame rates
    are handled exactly. Frames that are neither sampled nor a reference for others are not decoded, nor are
    groups of pictures without a sampled frame. Damaged frames are counted as corrupt and left out. Memory: a
    few frames.

    Raises EmoError if the file has no video stream or cannot be read.
    """
    try:
        with opened(path) as container:
            stream = video_stream(container, path)
            reader, converter = _Reader(container, stream), VideoReformatter()
            wanted = _wanted(reader.stamps(sampling.start_s, sampling.end_s), reader, sampling)
            tally.wanted = len(wanted)
            found, mirrored = 0, is_still(container) and is_mirrored(path)
            for stamp, frame in reader.decode(wanted):
                found += 1
                tally.width, tally.height = upright_extent(stream, frame)
                pixels = _upright(frame, stream, sampling.max_side, converter)
                if mirrored:  # before the rotation, top to bottom
                    pixels = np.ascontiguousarray(np.flip(pixels, axis=rotation_of(frame) // 90 % 2))
                yield SampledFrame(wanted[stamp], reader.seconds(stamp), pixels)
            tally.corrupt = tally.wanted - found
    except av.error.FFmpegError as error:
        raise EmoError(f"{path}: cannot be read ({error.strerror}); restore it with `dvc checkout`") from None


class _Entry(NamedTuple):
    """What is known about a packet before it is decoded."""

    stamp: int
    "Presentation timestamp, ticks."
    decoding: int
    "Decoding timestamp, ticks."
    is_key: bool
    "Whether it is flagged as a keyframe."


class _Reader:
    """One open recording: the times of its packets, and their decoding."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.container, self.stream = container, stream
        self.tick_s = float(stream.time_base or 1)
        # AVI stores no presentation times. If frames are reordered, FFmpeg's guesses can be wrong; then the
        # nth decoded frame gets the nth time, and everything is decoded.
        self.counted = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
        self.head = self._first_decoding_time()
        self.origin = self.head if self.counted else stream.start_time or 0
        self.start_stamp = self.head
        "Timestamp from which packets are read: the keyframe from which the stretch is decoded."
        self.entries: list[_Entry] = []
        "The packets from there on, in the order of decoding."

    def seconds(self, stamp: int) -> float:
        """Return the presentation time of a timestamp, seconds from the first frame."""
        return round((stamp - self.origin) * self.tick_s, 6)

    def stamps(self, start_s: float, end_s: float) -> dict[int, int]:
        """Return the frames from start_s to end_s, in order: timestamp -> index in the stream."""
        self.entries = self._packets(start_s, end_s)
        before = self._frames_before(self.entries[0]) if self.start_stamp != self.head else 0
        order = sorted(entry.stamp for entry in self.entries)
        hidden = bisect.bisect_left(order, self.origin)  # an edit list may hide frames at the start
        index = {stamp: before + rank for rank, stamp in enumerate(order[hidden:])}
        first_s, end_s = start_s - _TOLERANCE_S, end_s - _TOLERANCE_S
        return {s: i for s, i in index.items() if first_s <= self.seconds(s) < end_s}

    def decode(self, wanted: dict[int, int]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the intact frames with the wanted timestamps, in order."""
        health, held = _Health(), list[tuple[int, VideoFrame]]()
        last = max(wanted, default=0)
        for stamp, frame in self._decoded(wanted, health) if wanted else ():
            if stamp in wanted:
                held.append((stamp, frame))
            while held and health.is_settled(held[0][0], stamp):
                yield from health.intact(held.pop(0))
            if stamp >= last and not held:
                return
        for pair in held:
            yield from health.intact(pair)

    def _decoded(self, wanted: dict[int, int], health: "_Health") -> Iterator[tuple[int, VideoFrame]]:
        """Decode from the keyframe before the stretch; report packets and damage to `health`."""
        context, shown = self.stream.codec_context, deque[int]()
        skips = context.name in _SKIPPING and not self.counted
        for packet in self._needed_packets(wanted):
            if packet.size:
                stamp = self._stamp(packet)
                shown.append(stamp)
                health.sent(stamp, is_key=packet.is_keyframe)
                context.skip_frame = "NONREF" if skips and stamp not in wanted else "DEFAULT"
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                health.damaged(self._stamp(packet))
                continue
            for frame in frames:
                stamp = shown.popleft() if self.counted and shown else _frame_stamp(frame)
                if frame.is_corrupt:
                    health.damaged(stamp)
                yield stamp, frame

    def _needed_packets(self, wanted: dict[int, int]) -> Iterator[av.Packet]:
        """Yield the packets that wanted frames need, and an empty packet at each gap.

        The empty packet makes the decoder return its pending frames; then it is restarted.
        """
        needed = _needed(self.entries, wanted)
        restarts = [gap.end() - 1 for gap in re.finditer(b"\0\1", needed)]
        if self.counted or not all(self._stands_alone(self.entries[position]) for position in restarts):
            needed = bytearray(b"\1" * len(needed))
        self.container.seek(self.start_stamp, stream=self.stream)
        self.stream.codec_context.flush_buffers()
        position = 0
        for packet in self.container.demux(self.stream):
            if not packet.size or position >= len(needed) or needed[position]:
                yield packet
            elif position and needed[position - 1]:
                flush = av.Packet()
                flush.stream = self.stream
                yield flush
                self.stream.codec_context.flush_buffers()
            position += bool(packet.size)

    def _stands_alone(self, key: _Entry) -> bool:
        """Return whether a keyframe can be decoded on its own.

        Containers also flag the start of a gradual refresh (x264's intra-refresh) as a keyframe; decoding
        from there gives incomplete frames.
        """
        self.container.seek(key.decoding, stream=self.stream)
        self.stream.codec_context.flush_buffers()
        demuxed = self.container.demux(self.stream)
        packets = dropwhile(lambda packet: not packet.size or self._stamp(packet) != key.stamp, demuxed)
        for packet in islice(packets, _REORDERED):
            for frame in decoded(packet):
                if _frame_stamp(frame) == key.stamp:
                    return frame.pict_type == PictureType.I
        return False

    def _packets(self, start_s: float, end_s: float) -> list[_Entry]:
        """List the packets from a keyframe before start_s to end_s, without decoding or keeping them."""
        back_s = start_s if start_s > _SEEK_AFTER_S and not self.counted else 0.0
        while back_s > 0:
            self.start_stamp = self.origin + math.floor(back_s / self.tick_s)
            entries = self._entries(end_s)
            first = next(entries, _Entry(self.origin, 0, False))
            # Containers seek by decoding time, and some (MPEG-TS) to any packet.
            if first.is_key and self.seconds(first.stamp) <= start_s:
                found = [first, *entries]
                if self._stands_alone(first):
                    return found
            back_s -= _SEEK_AFTER_S
        self.start_stamp = self.head
        return list(self._entries(end_s))

    def _entries(self, end_s: float) -> Iterator[_Entry]:
        self.container.seek(self.start_stamp, stream=self.stream)
        for entry in self._demuxed():
            if self.seconds(entry.decoding) >= end_s:
                return
            yield entry

    def _frames_before(self, first: _Entry) -> int:
        """Return the number of frames that are shown before a keyframe.

        Taken from the container's index if it lists every frame (MP4, MOV), else by counting packets.
        """
        entries = self.stream.index_entries
        indexed = bool(self.stream.frames) and len(entries) == self.stream.frames
        shown = hidden = 0
        self.container.seek(self.head, stream=self.stream)
        for stamp, decoding, _ in self._demuxed():
            if stamp == first.stamp or (indexed and decoding >= self.origin):
                break
            shown, hidden = shown + (stamp >= self.origin), hidden + (stamp < self.origin)
        if not indexed:
            return shown
        return bisect.bisect_left(entries, first.decoding, key=lambda entry: entry.timestamp) - hidden

    def _demuxed(self) -> Iterator[_Entry]:
        for packet in self.container.demux(self.stream):
            if packet.size:
                stamp = self._stamp(packet)
                yield _Entry(stamp, packet.dts if packet.dts is not None else stamp, packet.is_keyframe)

    def _stamp(self, packet: av.Packet) -> int:
        return packet.dts if self.counted and packet.dts is not None else stamp_of(packet)

    def _first_decoding_time(self) -> int:
        for packet in self.container.demux(self.stream):
            return packet.dts if packet.dts is not None else stamp_of(packet)
        return 0


class _Health:
    """Determines which frames are intact: those that no damage reaches.

    A decoder flags the frame that it had to conceal, but the damage propagates into every frame that is
    decoded after it, up to the next keyframe (by up to 70 grey levels in our tests). Damage that the decoder
    does not detect, such as in the last bytes of a packet, remains undetected.
    """

    def __init__(self) -> None:
        self._position = self._key = self._key_before = -1
        self._key_stamp = self._latest = -(1 << 62)
        self._reach: dict[int, tuple[int, int, int]] = {}
        self._bad: list[int] = []

    def sent(self, stamp: int, *, is_key: bool) -> None:
        """Record that a packet is sent to the decoder."""
        self._position += 1
        self._latest = max(self._latest, stamp)
        if is_key:
            self._key_before, self._key, self._key_stamp = self._key, self._position, stamp
        # Frames shown before the keyframe that precedes them (open GOP) also refer to the keyframe before it.
        first = self._key_before if stamp < self._key_stamp else self._key
        self._reach[stamp] = (first, self._position, self._latest)

    def damaged(self, stamp: int) -> None:
        """Record that the frame with this timestamp is damaged."""
        self._bad.append(self._reach[stamp][1] if stamp in self._reach else self._position)

    def is_settled(self, stamp: int, shown: int) -> bool:
        """Return whether all frames that a frame can refer to are decoded; `shown` is the latest."""
        return stamp not in self._reach or shown >= self._reach[stamp][2]

    def intact(self, pair: tuple[int, VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield a timestamp and its frame, unless damage reaches it."""
        first, own, _ = self._reach.get(pair[0], (self._position + 1, -1, 0))
        if not any(first <= bad <= own for bad in self._bad):
            yield pair


def _needed(entries: Sequence[_Entry], wanted: dict[int, int]) -> bytearray:
    """Return for each packet whether it must be decoded for the wanted frames: 1 or 0.

    A frame needs the packets from its keyframe on; one that is shown before the keyframe that precedes it
    (open GOP) also needs those from the keyframe before that.
    """
    needed = bytearray(len(entries))
    key = key_before = 0
    for position, entry in enumerate(entries):
        if entry.is_key:
            key_before, key = key, position
        if entry.stamp in wanted:
            first = key_before if entry.stamp < entries[key].stamp else key
            needed[first : position + 1] = b"\1" * (position + 1 - first)
    short = 1 if all(entry.is_key for entry in entries) else _SHORT_GAP
    for gap in re.finditer(rb"\0+", bytes(needed)):
        if len(gap[0]) < short:
            needed[gap.start() : gap.end()] = b"\1" * len(gap[0])
    return needed


def _wanted(stamps: dict[int, int], reader: _Reader, sampling: Sampling) -> dict[int, int]:
    """Select from timestamp -> index the first frame at or after each of the regular times."""
    chosen: dict[int, int] = {}
    step = 0
    for stamp, index in stamps.items():
        time_s = reader.seconds(stamp) - sampling.start_s + _TOLERANCE_S
        if time_s >= step * sampling.step_s:
            chosen[stamp] = index
            step = math.floor(time_s / sampling.step_s) + 1
    return chosen


def _frame_stamp(frame: VideoFrame) -> int:
    stamp = frame.pts if frame.pts is not None else frame.dts
    return stamp if stamp is not None else 0


def _upright(
    frame: VideoFrame, stream: VideoStream, max_side: int, converter: VideoReformatter
) -> np.ndarray:
    """Return the frame as shown, (H, W, 3) uint8 BGR, scaled down to `max_side`.

    All frames of a recording share one `converter`, which takes longer to set up than to use.
    """
    width, height = upright_extent(stream, frame)
    scale = min(1.0, max_side / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    turns = rotation_of(frame) // 90
    if turns % 2:
        width, height = height, width
    if frame.format.name in _PLANAR and width < frame.width and height < frame.height:
        frame = _shrunk(frame, width, height)
    converted = converter.reformat(frame, width, height, format="bgr24", interpolation="AREA", threads=1)
    return np.ascontiguousarray(np.rot90(converted.to_ndarray(), -turns))


def _shrunk(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """Return a smaller copy of a 4:2:0 frame: each plane area-averaged, the colour space unchanged."""
    small = VideoFrame(width, height, frame.format.name)
    small.colorspace, small.color_range = frame.colorspace, frame.color_range
    for source, target in zip(frame.planes, small.planes, strict=True):
        size = (target.width, target.height)
        _pixels(target)[:] = cv2.resize(_pixels(source), size, interpolation=cv2.INTER_AREA)
    return small


def _pixels(plane: VideoPlane) -> np.ndarray:
    """Return the pixels of a plane, (height, width) uint8, as a view."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
        : plane.height, : plane.width
    ]
