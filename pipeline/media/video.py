"""Reading recordings: what a file holds, and its frames at chosen times. The only home of PyAV.

Times are presentation timestamps, in seconds from the first frame of the video stream. Pictures are
upright, as a player shows them: turned by the rotation flag, with square pixels.
"""

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.core.errors import EmoError

_LFS_POINTER = b"version https://git-lfs.github.com/spec"
_TOLERANCE_S = 0.0005
"""Timestamps are rounded to the container's clock: half a millisecond late is on time."""

_SEEK_AFTER_S = 2.0
"""Stretches that start earlier than this are reached by decoding from the start."""


@dataclass(frozen=True)
class VideoInfo:
    """What probing finds in a video."""

    width: int
    "pixels of the upright picture"
    height: int
    fps: float
    "average, frames/s"
    duration_s: float
    frames: int
    codec: str
    rotation: int
    "degrees clockwise that the stored picture is turned to stand upright: 0, 90, 180 or 270"


@dataclass(frozen=True)
class Sampling:
    """Which frames of a stretch of video are wanted."""

    start_s: float
    end_s: float
    "exclusive; infinite: to the end of the video"
    step_s: float
    "the first frame at or after start, start + step, start + 2 step ..."
    max_side: int
    "longer side of the pictures given out, pixels; smaller pictures stay as they are"


@dataclass(frozen=True)
class Picture:
    """One sampled frame."""

    frame: int
    "index in the stream, in the order of presentation"
    time_s: float
    pixels: np.ndarray
    "(H, W, 3) uint8, BGR, upright"


@dataclass
class Tally:
    """What `sample` counts while it reads."""

    wanted: int = 0
    "frames that the sampling asks for"
    corrupt: int = 0
    "of these, frames that could not be decoded whole"
    width: int = 0
    "of the upright picture before it is scaled, pixels"
    height: int = 0


# --- Probing --------------------------------------------------------------------------------------


def probe(path: Path) -> VideoInfo:
    """Open a video, decode its first and its last frame, and count its packets.

    Raises EmoError where it is no video, is empty, truncated or cannot be decoded.
    """
    _refuse_non_videos(path)
    try:
        with av.open(str(path)) as container:
            stream = _video_stream(container, path)
            first = _first_frame(container, stream)
            stamps = _all_stamps(container, stream, path)
            _decode_end(container, stream, stamps)
            return _info(stream, first, stamps)
    except av.error.FFmpegError as error:
        raise EmoError(f"{path}: cannot be decoded ({error.strerror}); is the copy complete, and is it a "
                       "video? play it, copy or convert it again") from None


def _refuse_non_videos(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(_LFS_POINTER))
    if not head:
        raise EmoError(f"{path}: the file is empty (0 bytes); copy it again")
    if head == _LFS_POINTER:
        raise EmoError(f"{path}: a git-lfs pointer, not the video itself; run `git lfs pull` where it "
                       "came from, or download the video")


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    videos = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
    if not videos:
        raise EmoError(f"{path}: no video in it (sound only?); give the recording with the picture")
    if container.format.name.endswith("_pipe") or container.format.name == "image2":
        raise EmoError(f"{path}: a still picture ({container.format.name}), not a video")
    stream = videos[0]
    if stream.codec_context is None:
        raise EmoError(f"{path}: no decoder for its codec; convert it to H.264")
    # One thread a clip: clips run side by side, and results must not depend on the number of threads.
    stream.codec_context.thread_count = 1
    return stream


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for packet in container.demux(stream):
        for frame in _decode(packet):
            return frame
    raise av.error.InvalidDataError(0, "no frame can be decoded")


def _all_stamps(container: InputContainer, stream: VideoStream, path: Path) -> list[int]:
    """Return the timestamps of all packets, sorted; raise EmoError where the file ends too early."""
    container.seek(stream.start_time or 0, stream=stream)
    stamps = sorted(_stamp(packet) for packet in container.demux(stream) if packet.size)
    if len(stamps) < stream.frames:
        raise EmoError(f"{path}: truncated: {len(stamps)} of its {stream.frames} frames are in the file; "
                       "copy it again")
    return [stamp for stamp in stamps if stamp >= (stream.start_time or 0)] or stamps


def _decode_end(container: InputContainer, stream: VideoStream, stamps: Sequence[int]) -> None:
    """Decode from the last keyframe; raise an FFmpegError where not one frame comes out."""
    container.seek(stamps[-1], stream=stream)
    stream.codec_context.flush_buffers()
    if not any(_decode(packet) for packet in container.demux(stream)):
        raise av.error.InvalidDataError(0, "no frame can be decoded at the end")


def _info(stream: VideoStream, first: VideoFrame, stamps: Sequence[int]) -> VideoInfo:
    tick_s = float(stream.time_base or 1)
    spans = [b - a for a, b in zip(stamps, stamps[1:], strict=False)]
    usual = sorted(spans)[len(spans) // 2] if spans else 0
    duration_s = (stamps[-1] - stamps[0] + usual) * tick_s
    width, height = _upright_extent(stream, first)
    return VideoInfo(
        width=width,
        height=height,
        fps=round(len(stamps) / duration_s, 4) if duration_s else 0.0,
        duration_s=round(duration_s, 4),
        frames=len(stamps),
        codec=stream.codec_context.name,
        rotation=_rotation(first),
    )


# --- Sampling -------------------------------------------------------------------------------------


def sample(path: Path, sampling: Sampling, tally: Tally) -> Iterator[Picture]:
    """Yield the frames of a stretch of video at regular times; count them in `tally`.

    The timestamps of the packets say beforehand which frames are wanted, so that variable frame rates
    come out right; frames that neither are wanted nor serve others as a reference are not decoded. A
    frame that cannot be decoded whole is counted as corrupt and left out. Memory: one picture.
    """
    try:
        with av.open(str(path)) as container:
            stream = _video_stream(container, path)
            reader = _Reader(container, stream)
            wanted = _wanted(reader.stamps(sampling.start_s, sampling.end_s), reader, sampling)
            tally.wanted = len(wanted)
            found = 0
            for frame in reader.decode(wanted):
                found += 1
                tally.width, tally.height = _upright_extent(stream, frame)
                stamp = _frame_stamp(frame)
                yield Picture(wanted[stamp], reader.seconds(stamp), _upright(frame, stream, sampling.max_side))
            tally.corrupt = tally.wanted - found
    except av.error.FFmpegError as error:
        raise EmoError(f"{path}: cannot be read ({error.strerror}); restore it with `dvc checkout`") from None


@dataclass
class _Reader:
    """One open video: where its packets lie in time, and their decoding."""

    container: InputContainer
    stream: VideoStream

    def __post_init__(self) -> None:
        self.tick_s = float(self.stream.time_base or 1)
        self.origin = self.stream.start_time or 0
        self.start_stamp = self.origin
        "from where on to demux: the keyframe that the stretch is reached from"

    def seconds(self, stamp: int) -> float:
        return round((stamp - self.origin) * self.tick_s, 6)

    def stamps(self, start_s: float, end_s: float) -> dict[int, int]:
        """Return timestamp -> index in the stream of the frames from start_s to end_s, in order."""
        packets = self._packets(start_s, end_s)
        before = self._frames_before(packets[0]) if self.start_stamp != self.origin else 0
        order = sorted(stamp for stamp, _ in packets)
        hidden = bisect.bisect_left(order, self.origin)  # an edit list may hide frames at the start
        index = {stamp: before + rank for rank, stamp in enumerate(order[hidden:])}
        return {s: i for s, i in index.items() if start_s - _TOLERANCE_S <= self.seconds(s) < end_s}

    def decode(self, wanted: dict[int, int]) -> Iterator[VideoFrame]:
        """Yield the frames with the wanted timestamps, in order, whole ones only."""
        if not wanted:
            return
        last = max(wanted)
        self.container.seek(self.start_stamp, stream=self.stream)
        self.stream.codec_context.flush_buffers()
        for packet in self.container.demux(self.stream):
            is_wanted = packet.size == 0 or _stamp(packet) in wanted
            self.stream.codec_context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
            for frame in _decode(packet):
                if _frame_stamp(frame) in wanted and not frame.is_corrupt:
                    yield frame
                if _frame_stamp(frame) >= last:
                    return

    def _packets(self, start_s: float, end_s: float) -> list[tuple[int, int]]:
        """Demux, without decoding or keeping, the packets from a keyframe before start_s on to end_s.

        Return (presentation, decoding) timestamps, in the order of decoding.
        """
        back_s = start_s if start_s > _SEEK_AFTER_S else 0.0
        while True:
            self.start_stamp = self.origin + math.floor(back_s / self.tick_s)
            packets = list(self._entries(end_s))
            # Containers seek by decoding time: the keyframe found can be shown after start_s.
            if back_s == 0.0 or (packets and self.seconds(packets[0][0]) <= start_s):
                return packets
            back_s = max(0.0, back_s - _SEEK_AFTER_S)

    def _entries(self, end_s: float) -> Iterator[tuple[int, int]]:
        self.container.seek(self.start_stamp, stream=self.stream)
        for stamp, decoding in self._demuxed():
            if self.seconds(decoding) >= end_s:
                return
            yield stamp, decoding

    def _frames_before(self, first: tuple[int, int]) -> int:
        """Return how many frames are shown before a keyframe, given its (presentation, decoding) time.

        From the container's index where it lists every frame (MP4, MOV), else by counting packets.
        """
        entries = self.stream.index_entries
        indexed = bool(self.stream.frames) and len(entries) == self.stream.frames
        end = min(first[1], self.origin) if indexed else first[1]
        shown = hidden = 0
        self.container.seek(self.origin, stream=self.stream)
        for stamp, decoding in self._demuxed():
            if decoding >= end:
                break
            shown, hidden = shown + (stamp >= self.origin), hidden + (stamp < self.origin)
        if not indexed:
            return shown
        return bisect.bisect_left(entries, first[1], key=lambda entry: entry.timestamp) - hidden

    def _demuxed(self) -> Iterator[tuple[int, int]]:
        for packet in self.container.demux(self.stream):
            if packet.size:
                yield _stamp(packet), packet.dts if packet.dts is not None else _stamp(packet)


def _wanted(stamps: dict[int, int], reader: _Reader, sampling: Sampling) -> dict[int, int]:
    """Choose from timestamp -> index the first frame at or after each of the regular times."""
    chosen: dict[int, int] = {}
    step = 0
    for stamp, index in stamps.items():
        time_s = reader.seconds(stamp) - sampling.start_s + _TOLERANCE_S
        if time_s >= step * sampling.step_s:
            chosen[stamp] = index
            step = math.floor(time_s / sampling.step_s) + 1
    return chosen


# --- Packets, frames, pictures --------------------------------------------------------------------


def _decode(packet: av.Packet) -> list[VideoFrame]:
    """Decode a packet; damaged data give no frame."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except av.error.InvalidDataError:
        return []


def _stamp(packet: av.Packet) -> int:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return stamp if stamp is not None else 0


def _frame_stamp(frame: VideoFrame) -> int:
    stamp = frame.pts if frame.pts is not None else frame.dts
    return stamp if stamp is not None else 0


def _rotation(frame: VideoFrame) -> int:
    """Return by how many degrees clockwise, in quarters, the picture is turned to stand upright."""
    return round(-frame.rotation / 90) % 4 * 90


def _upright_extent(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """Return the (width, height) of the picture as shown: square pixels, turned upright."""
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = round(frame.width * aspect), frame.height
    return (height, width) if _rotation(frame) % 180 else (width, height)


def _upright(frame: VideoFrame, stream: VideoStream, max_side: int) -> np.ndarray:
    """Return the (H, W, 3) uint8 BGR picture as shown, scaled down to `max_side`."""
    width, height = _upright_extent(stream, frame)
    scale = min(1.0, max_side / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    turns = _rotation(frame) // 90
    if turns % 2:
        width, height = height, width
    picture = frame.reformat(width, height, format="bgr24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, -turns))
