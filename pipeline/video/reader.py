"""One open recording: the times of its packets, and the decoding of chosen frames."""

import bisect
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, dropwhile, islice
from math import inf

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from pipeline.runtime.worker_limits import progress
from pipeline.video.container import decoded, demuxed, first_frame, stamp_of
from pipeline.video.health import Health, Messages
from pipeline.video.mp4_boxes import MOST_FRAMES
from pipeline.video.orientation import Matrix, matrix_of
from pipeline.video.timeline import (
    TOLERANCE_S,
    Clock,
    Entry,
    Moment,
    Sampling,
    at_regular_times,
    needed,
    usual_distance,
)

_SEEK_AFTER_S = 2.0
"""Stretches that start earlier are reached by decoding from the start of the recording."""

_AFTER_S = 0.25
"""Packets are listed up to this long after the stretch: deinterlacing needs the next frame."""

_SKIPPING = frozenset({"h264", "hevc", "mpeg4", "mpeg2video"})
"""Decoders that can skip, packet by packet, frames that are not a reference for others."""

_STRICT = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Codec -> a decoder as fast as FFmpeg's own, with the same pixels, which reports more damage."""

REORDERED = 64
"""Maximum number of packets after which a decoder returns a frame."""

_HIDDEN = -(1 << 40)
"""Timestamps of hidden frames, from this one on."""

_ROUNDING_S = 0.0005
"""Streams whose starts differ by less start together."""


class Reader:
    """Lists the packets of a recording, and decodes the frames that are wanted of them."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.container, self.stream = container, stream
        self.stored = (stream.codec_context.width, stream.codec_context.height)
        "Width and height of a stored frame as the container has them, before any frame is decoded."
        # AVI stores no presentation times. If frames are reordered, FFmpeg's guesses can be wrong; then the
        # nth decoded frame gets the nth time, and everything is decoded.
        self.counted = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
        self.head = self._first_decoding_time()
        self.clock = self._clock()
        self.start_stamp = self.head
        "Timestamp from which packets are read: the keyframe from which the stretch is decoded."
        self.entries: list[Entry] = []
        "The packets from there on, in the order of decoding."
        self.context, self.matrix = self._decoder()
        self.stamps: list[int] = []
        "Timestamps of the frames that these packets show, sorted."

    def choose(self, sampling: Sampling) -> dict[int, Moment]:
        """Return the frames to sample, in order: timestamp -> moment.

        If no frame starts within the stretch, because the recording shows one frame for long, it is that one,
        as of the start of the stretch.
        """
        shown = self.shown(sampling.start_s, sampling.end_s)
        first_s, end_s = sampling.start_s - TOLERANCE_S, sampling.end_s - TOLERANCE_S
        within = {stamp: m for stamp, m in shown.items() if first_s <= m.time_s < end_s}
        if within:
            return at_regular_times(within, sampling)
        earlier = [stamp for stamp, moment in shown.items() if moment.time_s < first_s]
        if not earlier or sampling.start_s >= self._end_s():
            return {}
        return {earlier[-1]: Moment(shown[earlier[-1]].frame, round(sampling.start_s, 6))}

    def decode(self, wanted: dict[int, Moment]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the intact frames with the wanted timestamps, in order, each once."""
        health, held = Health(), list[tuple[int, VideoFrame]]()
        last, pending = max(wanted, default=0), set(wanted)
        for stamp, frame in self._decoded(wanted, health) if wanted else ():
            if stamp in pending:
                pending.remove(stamp)
                held.append((stamp, frame))
            while held and health.is_settled(held[0][0], stamp):
                yield from health.intact(held.pop(0))
            if stamp >= last and not held:
                return
        for pair in held:
            yield from health.intact(pair)

    def first_frame(self) -> VideoFrame:
        """Decode the first frame that can be decoded; raise an FFmpegError if there is none."""
        self.container.seek(self.head, stream=self.stream)
        self.stream.codec_context.flush_buffers()
        return first_frame(self.container, self.stream)

    def all_entries(self) -> list[Entry]:
        """Return all packets of the recording, in the order of decoding."""
        self.start_stamp = self.head
        return list(self._entries(inf))

    def shown_stamps(self, entries: Iterable[Entry]) -> list[int]:
        """Return the timestamps of the frames that a player shows, sorted."""
        return sorted(entry.stamp for entry in entries if self._is_shown(entry))

    def shown(self, start_s: float, end_s: float) -> dict[int, Moment]:
        """Return the frames from a keyframe before start_s to end_s, in order: timestamp -> moment."""
        self.entries = self._packets(start_s, end_s + _AFTER_S)
        before = self._frames_before(self.entries[0]) if self.start_stamp != self.head else 0
        self.stamps = self.shown_stamps(self.entries)
        shown: dict[int, Moment] = {}
        for rank, stamp in enumerate(self.stamps):
            if stamp not in shown:  # of frames with one timestamp, the first counts
                shown[stamp] = Moment(before + rank, self.clock.seconds(stamp))
        return shown

    def _is_shown(self, entry: Entry) -> bool:
        return not entry.is_hidden and entry.stamp >= self.clock.origin

    def _end_s(self) -> float:
        """Return the end of the last frame, seconds."""
        start_stamp = self.start_stamp
        stamps = self.shown_stamps(self.all_entries())
        self.start_stamp = start_stamp
        return self.clock.seconds(stamps[-1]) + usual_distance(stamps, 0) * self.clock.tick_s

    def _decoder(self) -> tuple[VideoCodecContext, Matrix | None]:
        """Return the decoder, and how its frames are shown if they do not say so themselves."""
        own = self.stream.codec_context
        name = _STRICT.get(own.name)
        if name is None or own.format is None or own.format.name != "yuv420p":
            return own, None
        matrix = matrix_of(self.first_frame())
        context = VideoCodecContext.create(name, "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count, context.options = 1, dict(own.options)
        for key in ("colorspace", "color_range", "color_primaries", "color_trc"):
            setattr(context, key, getattr(own, key))
        return context, matrix

    def _decoded(self, wanted: dict[int, Moment], health: Health) -> Iterator[tuple[int, VideoFrame]]:
        """Decode from the keyframe before the stretch; report packets and damage to `health`."""
        context, due, messages = self.context, deque[int](), Messages(self.context.name)
        skips = context.name in _SKIPPING and not self.counted
        for packet in map(_revealed, count(), self._needed_packets(wanted)):
            progress()
            if packet.size:
                stamp = self._stamp(packet)
                due.append(stamp)
                health.sent(stamp, is_key=packet.is_keyframe)
                context.skip_frame = "NONREF" if skips and stamp not in wanted else "DEFAULT"
            try:
                with messages.heard():
                    frames = context.decode(packet)
            except (av.error.InvalidDataError, av.error.ArgumentError):
                health.damaged(self._stamp(packet))
                continue
            if packet.is_corrupt or messages.report_damage:
                health.damaged(self._stamp(packet))
            for frame in frames:
                stamp = due.popleft() if self.counted and due else _frame_stamp(frame)
                if frame.is_corrupt:
                    health.damaged(stamp)
                yield stamp, frame

    def _needed_packets(self, wanted: dict[int, Moment]) -> Iterator[av.Packet]:
        """Yield the packets that wanted frames need, and an empty packet at each gap.

        The empty packet makes the decoder return its pending frames; then it is restarted.
        """
        flags = needed(self.entries, wanted)
        restarts = [gap.end() - 1 for gap in re.finditer(b"\0\1", flags)]
        if self.counted or not all(self._stands_alone(self.entries[position]) for position in restarts):
            flags = bytearray(b"\1" * len(flags))
        self.container.seek(self.start_stamp, stream=self.stream)
        self._restart()
        position = 0
        for packet in demuxed(self.container, self.stream):
            if not packet.size or position >= len(flags) or flags[position]:
                yield packet
            elif position and flags[position - 1]:
                flush = av.Packet()
                flush.stream = self.stream
                yield flush
                self._restart()
            position += bool(packet.size)

    def _restart(self) -> None:
        self.stream.codec_context.flush_buffers()
        if self.context.is_open:
            self.context.flush_buffers()

    def _stands_alone(self, key: Entry) -> bool:
        """Return whether a keyframe can be decoded on its own.

        Containers also flag the start of a gradual refresh (x264's intra-refresh) as a keyframe; decoding
        from there gives incomplete frames.
        """
        self.container.seek(key.decoding, stream=self.stream)
        self.stream.codec_context.flush_buffers()
        found = demuxed(self.container, self.stream)
        packets = dropwhile(lambda packet: not packet.size or self._stamp(packet) != key.stamp, found)
        for packet in islice(packets, REORDERED):
            for frame in decoded(packet):
                if _frame_stamp(frame) == key.stamp:
                    return frame.pict_type == PictureType.I
        return False

    def _packets(self, start_s: float, end_s: float) -> list[Entry]:
        """List the packets from a keyframe before start_s to end_s, without decoding or keeping them."""
        back_s = start_s if start_s > _SEEK_AFTER_S and self._can_seek() else 0.0
        while back_s > 0:
            self.start_stamp = self.clock.floor(back_s)
            entries = self._entries(end_s)
            first = next(entries, Entry(self.clock.origin, 0, False))
            # Containers seek by decoding time, and some (MPEG-TS) to any packet.
            if first.is_key and self.clock.seconds(first.stamp) <= start_s:
                found = [first, *entries]
                if first.decoding == self.head:  # an AVI without an index is indexed by this first reading
                    self.start_stamp = self.head
                if self._stands_alone(first):
                    return found
            back_s -= _SEEK_AFTER_S
        self.start_stamp = self.head
        return list(self._entries(end_s))

    def _can_seek(self) -> bool:
        """Return whether a seek finds a time: not in raw streams, nor if an edit list shows frames twice."""
        if self.counted or self.stream.start_time is None:
            return False
        return not self.stream.frames or len(self.stream.index_entries) in (0, 1, self.stream.frames)

    def _entries(self, end_s: float) -> Iterator[Entry]:
        self.container.seek(self.start_stamp, stream=self.stream)
        for entry in self._demuxed():
            if not entry.is_hidden and self.clock.seconds(entry.decoding) >= end_s:
                return
            yield entry

    def _frames_before(self, first: Entry) -> int:
        """Return the number of frames that are shown before a keyframe.

        Taken from the container's index if it lists every frame (MP4, MOV), else by counting packets.
        """
        entries = self.stream.index_entries
        indexed = bool(self.stream.frames) and len(entries) == self.stream.frames
        shown = hidden = 0
        self.container.seek(self.head, stream=self.stream)
        for entry in self._demuxed():
            is_first = entry.stamp == first.stamp and not entry.is_hidden
            if is_first or (indexed and entry.decoding >= self.clock.origin and not entry.is_hidden):
                break
            is_shown = self._is_shown(entry)
            shown, hidden = shown + is_shown, hidden + (not is_shown)
        if not indexed:
            return shown
        return bisect.bisect_left(entries, first.decoding, key=lambda entry: entry.timestamp) - hidden

    def _demuxed(self) -> Iterator[Entry]:
        for number, packet in enumerate(demuxed(self.container, self.stream)):
            if number > MOST_FRAMES:
                raise av.error.InvalidDataError(0, f"more than {MOST_FRAMES:,} frames; cut it into parts")
            if packet.size:
                stamp = self._stamp(packet)
                decoding = packet.dts if packet.dts is not None else stamp
                is_timed = packet.pts is not None or packet.dts is not None
                flags = packet.is_keyframe, packet.is_discard, packet.is_corrupt
                yield Entry(stamp, decoding, *flags, is_timed)

    def _stamp(self, packet: av.Packet) -> int:
        return packet.dts if self.counted and packet.dts is not None else stamp_of(packet)

    def _first_decoding_time(self) -> int:
        for packet in demuxed(self.container, self.stream):
            return packet.dts if packet.dts is not None else stamp_of(packet)
        return 0

    def _clock(self) -> Clock:
        tick_s, start = float(self.stream.time_base or 1), self.stream.start_time
        if self.counted:
            origin = self.head
        elif start is not None:
            origin = start
        else:  # raw streams: the first frame shown is among the first packets
            self.container.seek(self.head, stream=self.stream)
            origin = min(
                (self._stamp(p) for p in islice(demuxed(self.container, self.stream), 8) if p.size), default=0
            )
        return Clock(tick_s, origin, self._offset_s(origin * tick_s))

    def _offset_s(self, picture_s: float) -> float:
        """Return for how long the sound (or another stream) runs before the first frame."""
        start_s = (self.container.start_time or 0) / av.time_base
        if self.container.start_time is None or self.counted:
            return 0.0
        if start_s < 0 <= picture_s:  # priming samples, which are not played
            start_s = 0.0
        offset_s = picture_s - start_s
        return offset_s if offset_s > _ROUNDING_S else 0.0


def _revealed(position: int, packet: av.Packet) -> av.Packet:
    """Return a packet whose frame the decoder returns, so that its damage is known, also if it is hidden.

    A hidden frame gets a timestamp of its own, because an edit list may show another frame at its time.
    """
    if not packet.is_discard or packet.has_sidedata("new_extradata"):
        return packet
    copy = av.Packet(bytes(packet))
    copy.stream, copy.time_base, copy.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
    copy.is_corrupt = packet.is_corrupt
    copy.pts = copy.dts = _HIDDEN + position
    return copy


def _frame_stamp(frame: VideoFrame) -> int:
    stamp = frame.pts if frame.pts is not None else frame.dts
    return stamp if stamp is not None else 0
