"""Reading recordings: what a file holds, and its frames at chosen times. The only home of PyAV.

A still picture is a video of one frame, at 0 s, without a rate or a duration.

Times are presentation timestamps, in seconds from the first frame of the video stream. Pictures are
upright, as a player shows them: turned by the rotation flag, with square pixels.
"""

import bisect
import io
import math
import re
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import dropwhile, islice, pairwise
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import PictureType, VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from pipeline.core.errors import EmoError

_LFS_POINTER = b"version https://git-lfs.github.com/spec"
_TOLERANCE_S = 0.0005
"""Timestamps are rounded to the container's clock: half a millisecond late is on time."""

_SEEK_AFTER_S = 2.0
"""Stretches that start earlier than this are reached by decoding from the start."""

_SKIPPING = frozenset({"h264", "hevc", "mpeg4", "mpeg2video"})
"""Decoders that can be told packet by packet to pass over frames that serve no other as a reference."""

_SHORT_GAP = 16
"""Packets nobody needs are decoded all the same where fewer than this lie together: starting a decoder
afresh has its price too. Where every packet stands by itself (MJPEG), it has none."""

_REORDERED = 64
"""A frame comes out of its decoder after at most so many packets."""

_BY_NAME = "image2"
"""FFmpeg's reader of pictures that goes by file names."""

_TIFF_MAGIC = (b"II*\0", b"MM\0*")
_TIFF_COMPRESSION = 259
"""Tag of a TIFF's first directory (TIFF 6.0, section 8)."""

_TIFF_JPEG = (6, 7)
"""JPEG within TIFF, the old way and the new: FFmpeg makes a black picture of it, without an error."""

_EXIF_ORIENTATION = 0x0112
_MIRRORED = (2, 4, 5, 7)
"""Values of the EXIF's orientation (EXIF 2.3, 4.6.4)."""

_PLANAR = frozenset({"yuv420p", "yuvj420p"})
"""Pixel formats whose planes are scaled before colours are converted: a quarter of the work."""


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
            if _is_still(container):
                raise EmoError(f"{path}: a still picture ({container.format.name}), not a video")
            first = _first_frame(container, stream)
            stamps = _all_stamps(container, stream, path)
            _decode_end(container, stream, stamps)
            return _info(stream, first, stamps)
    except av.error.FFmpegError as error:
        raise EmoError(
            f"{path}: cannot be decoded ({error.strerror}); is the copy complete, and is it a "
            "video? play it, copy or convert it again"
        ) from None


def probe_still(path: Path) -> VideoInfo:
    """Open a picture and decode it; raise EmoError where it is none, or is not whole."""
    _refuse_non_videos(path)
    compression = _tiff_compression(path)
    if compression in _TIFF_JPEG:
        raise EmoError(f"{path}: a TIFF compressed as JPEG, which cannot be decoded; convert it to PNG")
    try:
        with _opened(path) as container:
            stream = _video_stream(container, path)
            if not _is_still(container):
                raise EmoError(f"{path}: no still picture ({container.format.name}); leave it out")
            first = _first_frame(container, stream)
            codec = stream.codec_context.name
            if codec == "mjpeg" and not _ends(path):
                raise av.error.InvalidDataError(0, "the picture is cut off")
            width, height = _upright_extent(stream, first)
            return VideoInfo(width, height, 0.0, 0.0, 1, codec, _rotation(first))
    except av.error.FFmpegError as error:
        remedy = "is the copy complete, and is it a picture? open it, copy it again or leave it out"
        if compression:  # of TIFF there are many kinds: of floats, of 32 bits, with compressions of their own
            remedy = "is the copy complete? then it is a TIFF of a rare kind: convert it to PNG"
        raise EmoError(f"{path}: cannot be decoded ({error.strerror}); {remedy}") from None


def _is_still(container: InputContainer) -> bool:
    return container.format.name.endswith("_pipe") or container.format.name == _BY_NAME


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Open a video or a picture, and read a picture by its content alone.

    By name, FFmpeg takes larger JPEGs for a series of pictures, which yields nothing after seeking, and
    `p%03d.png` for the pattern of one: it would read another file.
    """
    container = av.open(str(path), options={"pattern_type": "none"})
    if container.format.name == _BY_NAME:
        container.close()
        container = av.open(io.BytesIO(path.read_bytes()), "r")
    with container:
        yield container


def _tiff_compression(path: Path) -> int:
    """Return how the first picture of a TIFF is compressed (1: not at all); 0 for any other file."""
    with path.open("rb") as file:
        if file.read(4) not in _TIFF_MAGIC:
            return 0
    data = path.read_bytes()
    order = "<" if data.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        entries = [struct.unpack_from(f"{order}H6xH", data, start + 2 + 12 * i) for i in range(count)]
    except struct.error:  # cut off: the decoder will say so
        return 1
    return dict(entries).get(_TIFF_COMPRESSION, 1)


def _is_mirrored(path: Path) -> bool:
    """Tell whether a picture's EXIF says that it is mirrored; FFmpeg's frames tell only how it is turned."""
    from PIL import Image  # no video needs it

    try:
        with Image.open(path) as picture:
            return picture.getexif().get(_EXIF_ORIENTATION) in _MIRRORED
    except (OSError, ValueError, SyntaxError):  # what Pillow cannot read, FFmpeg has read
        return False


def _ends(path: Path) -> bool:
    """Tell whether a JPEG has an end (EOI) after its last scan (SOS): decoders fill up what is cut off.

    Neither mark can stand within a scan (ITU-T T.81, B.1.1.2).
    """
    data = path.read_bytes()
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")


def _refuse_non_videos(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(_LFS_POINTER))
    if not head:
        raise EmoError(f"{path}: the file is empty (0 bytes); copy it again")
    if head == _LFS_POINTER:
        raise EmoError(
            f"{path}: a git-lfs pointer, not the file itself; run `git lfs pull` where it "
            "came from, or download the file"
        )


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    videos = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
    if not videos:
        raise EmoError(
            f"{path}: no video in it (sound only?); give the recording with the picture, copied completely"
        )
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
    container.seek(min(0, stream.start_time or 0), stream=stream)
    stamps = sorted(_stamp(packet) for packet in container.demux(stream) if packet.size)
    # The header of an AVI also counts the empty chunks that stand for repeated frames.
    if len(stamps) < stream.frames and container.format.name != "avi":
        raise EmoError(
            f"{path}: truncated: {len(stamps)} of its {stream.frames} frames are in the file; copy it again"
        )
    return [stamp for stamp in stamps if stamp >= (stream.start_time or 0)] or stamps


def _decode_end(container: InputContainer, stream: VideoStream, stamps: Sequence[int]) -> None:
    """Decode from the last keyframe; raise an FFmpegError where not one frame comes out.

    Some containers (FLV, MPEG-TS) seek past the last keyframe; then from ever farther back.
    """
    for back_s in (0, 2, 20, 200):
        back = round(back_s / float(stream.time_base or 1))
        container.seek(max(stamps[0], stamps[-1] - back), stream=stream)
        stream.codec_context.flush_buffers()
        if any(_decode(packet) for packet in container.demux(stream)):
            return
    raise av.error.InvalidDataError(0, "no frame can be decoded at the end")


def _info(stream: VideoStream, first: VideoFrame, stamps: Sequence[int]) -> VideoInfo:
    tick_s = float(stream.time_base or 1)
    spans = [b - a for a, b in pairwise(stamps)]
    usual = sorted(spans)[len(spans) // 2] if spans else _nominal_ticks(stream)
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


def _nominal_ticks(stream: VideoStream) -> float:
    """Return how long one frame lasts by what the header says, in ticks of the stream's clock."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate / stream.time_base) if rate and stream.time_base else 0.0


def is_video(path: Path) -> bool:
    """Tell whether a file is a video with more than a still picture."""
    try:
        probe(path)
    except EmoError:
        return False
    return True


def write_video(path: Path, pictures: Iterable[np.ndarray], fps: float) -> None:
    """Write (H, W, 3) uint8 BGR pictures of one shape as H.264 in MP4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            height, width = (side - side % 2 for side in picture.shape[:2])  # 4:2:0 needs even sides
            if not stream.codec_context.is_open:
                stream.width, stream.height = width, height
            cut = np.ascontiguousarray(picture[:height, :width])
            container.mux(stream.encode(VideoFrame.from_ndarray(cut, format="bgr24")))
        container.mux(stream.encode())


# --- Sampling -------------------------------------------------------------------------------------


def sample(path: Path, sampling: Sampling, tally: Tally) -> Iterator[Picture]:
    """Yield the frames of a stretch of video at regular times; count them in `tally`.

    The timestamps of the packets say beforehand which frames are wanted, so that variable frame rates
    come out right; frames that neither are wanted nor serve others as a reference are not decoded, nor
    are whole stretches between keyframes from which nothing is wanted. A frame that damage reaches is
    counted as corrupt and left out. Memory: a few pictures.
    """
    try:
        with _opened(path) as container:
            stream = _video_stream(container, path)
            reader, converter = _Reader(container, stream), VideoReformatter()
            wanted = _wanted(reader.stamps(sampling.start_s, sampling.end_s), reader, sampling)
            tally.wanted = len(wanted)
            found, is_mirrored = 0, _is_still(container) and _is_mirrored(path)
            for stamp, frame in reader.decode(wanted):
                found += 1
                tally.width, tally.height = _upright_extent(stream, frame)
                pixels = _upright(frame, stream, sampling.max_side, converter)
                if is_mirrored:  # before it is turned, top to bottom
                    pixels = np.ascontiguousarray(np.flip(pixels, axis=_rotation(frame) // 90 % 2))
                yield Picture(wanted[stamp], reader.seconds(stamp), pixels)
            tally.corrupt = tally.wanted - found
    except av.error.FFmpegError as error:
        raise EmoError(f"{path}: cannot be read ({error.strerror}); restore it with `dvc checkout`") from None


class _Entry(NamedTuple):
    """What is known of a packet before it is decoded."""

    stamp: int
    "presentation timestamp"
    decoding: int
    "decoding timestamp"
    is_key: bool


class _Reader:
    """One open video: where its packets lie in time, and their decoding."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.container, self.stream = container, stream
        self.tick_s = float(stream.time_base or 1)
        # AVI stores no presentation times. Where frames are reordered, FFmpeg's guesses can be wrong, so
        # that the nth frame that comes out is given the nth time, and everything is decoded.
        self.counted = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
        self.head = self._first_decoding_time()
        self.origin = self.head if self.counted else stream.start_time or 0
        self.start_stamp = self.head
        "from where on to demux: the keyframe that the stretch is reached from"
        self.entries: list[_Entry] = []
        "the packets from there on, in the order of decoding"

    def seconds(self, stamp: int) -> float:
        return round((stamp - self.origin) * self.tick_s, 6)

    def stamps(self, start_s: float, end_s: float) -> dict[int, int]:
        """Return timestamp -> index in the stream of the frames from start_s to end_s, in order."""
        self.entries = self._packets(start_s, end_s)
        before = self._frames_before(self.entries[0]) if self.start_stamp != self.head else 0
        order = sorted(entry.stamp for entry in self.entries)
        hidden = bisect.bisect_left(order, self.origin)  # an edit list may hide frames at the start
        index = {stamp: before + rank for rank, stamp in enumerate(order[hidden:])}
        first_s, end_s = start_s - _TOLERANCE_S, end_s - _TOLERANCE_S
        return {s: i for s, i in index.items() if first_s <= self.seconds(s) < end_s}

    def decode(self, wanted: dict[int, int]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the frames with the wanted timestamps, in order, whole ones only."""
        health, held = _Health(), list[tuple[int, VideoFrame]]()
        last = max(wanted, default=0)
        for stamp, frame in self._decoded(wanted, health) if wanted else ():
            if stamp in wanted:
                held.append((stamp, frame))
            while held and health.is_settled(held[0][0], stamp):
                yield from health.whole(held.pop(0))
            if stamp >= last and not held:
                return
        for pair in held:
            yield from health.whole(pair)

    def _decoded(self, wanted: dict[int, int], health: "_Health") -> Iterator[tuple[int, VideoFrame]]:
        """Decode from the keyframe before the stretch; tell `health` about every packet and damage."""
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
        """Demux the packets that wanted frames need, an empty packet at each gap: the decoder then ends
        what it has begun, and starts afresh.
        """
        needed = _needed(self.entries, wanted)
        afresh = [gap.end() - 1 for gap in re.finditer(b"\0\1", needed)]
        if self.counted or not all(self._stands_alone(self.entries[position]) for position in afresh):
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
        """Tell whether a keyframe is whole by itself.

        Containers also flag the beginning of a gradual refresh (x264's intra-refresh) as a keyframe:
        whoever starts to decode there gets pictures with holes.
        """
        self.container.seek(key.decoding, stream=self.stream)
        self.stream.codec_context.flush_buffers()
        demuxed = self.container.demux(self.stream)
        packets = dropwhile(lambda packet: not packet.size or self._stamp(packet) != key.stamp, demuxed)
        for packet in islice(packets, _REORDERED):
            for frame in _decode(packet):
                if _frame_stamp(frame) == key.stamp:
                    return frame.pict_type == PictureType.I
        return False

    def _packets(self, start_s: float, end_s: float) -> list[_Entry]:
        """Demux, without decoding or keeping them, the packets from a keyframe before start_s to end_s."""
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
        """Return how many frames are shown before a keyframe.

        From the container's index where it lists every frame (MP4, MOV), else by counting packets.
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
        return packet.dts if self.counted and packet.dts is not None else _stamp(packet)

    def _first_decoding_time(self) -> int:
        for packet in self.container.demux(self.stream):
            return packet.dts if packet.dts is not None else _stamp(packet)
        return 0


class _Health:
    """Tells which frames are whole: those that no damage reaches.

    A decoder flags the frame that it had to patch up, but damage goes on into every frame that is decoded
    after it, up to the next keyframe, by up to 70 grey levels where we tried it. What no decoder notices
    stays unnoticed: a packet of which only the last bytes are hit.
    """

    def __init__(self) -> None:
        self._position = self._key = self._key_before = -1
        self._key_stamp = self._latest = -(1 << 62)
        self._reach: dict[int, tuple[int, int, int]] = {}
        self._bad: list[int] = []

    def sent(self, stamp: int, *, is_key: bool) -> None:
        """Note that a packet goes to the decoder."""
        self._position += 1
        self._latest = max(self._latest, stamp)
        if is_key:
            self._key_before, self._key, self._key_stamp = self._key, self._position, stamp
        # Frames shown before the keyframe that they follow (open GOP) refer to the one before it too.
        first = self._key_before if stamp < self._key_stamp else self._key
        self._reach[stamp] = (first, self._position, self._latest)

    def damaged(self, stamp: int) -> None:
        """Note that the frame with this timestamp is not whole."""
        self._bad.append(self._reach[stamp][1] if stamp in self._reach else self._position)

    def is_settled(self, stamp: int, shown: int) -> bool:
        """Tell whether all frames that a frame can refer to have come out, `shown` being the latest."""
        return stamp not in self._reach or shown >= self._reach[stamp][2]

    def whole(self, pair: tuple[int, VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield a timestamp and its frame again, unless damage reaches it."""
        first, own, _ = self._reach.get(pair[0], (self._position + 1, -1, 0))
        if not any(first <= bad <= own for bad in self._bad):
            yield pair


def _needed(entries: Sequence[_Entry], wanted: dict[int, int]) -> bytearray:
    """Tell, packet by packet, which must be decoded for the wanted frames: 1, or 0.

    A frame needs what lies between its keyframe and itself; one that is shown before the keyframe it
    follows (open GOP) also needs what lies after the keyframe before that.
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


def _upright(
    frame: VideoFrame, stream: VideoStream, max_side: int, converter: VideoReformatter
) -> np.ndarray:
    """Return the (H, W, 3) uint8 BGR picture as shown, scaled down to `max_side`.

    `converter` is one for all frames of a video, with one thread: it takes longer to set up than to use.
    """
    width, height = _upright_extent(stream, frame)
    scale = min(1.0, max_side / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    turns = _rotation(frame) // 90
    if turns % 2:
        width, height = height, width
    if frame.format.name in _PLANAR and width < frame.width and height < frame.height:
        frame = _shrunk(frame, width, height)
    converted = converter.reformat(frame, width, height, format="bgr24", interpolation="AREA", threads=1)
    picture = converted.to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, -turns))


def _shrunk(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """Return a smaller copy of a 4:2:0 frame, each plane scaled by areas, with the same colour space."""
    small = VideoFrame(width, height, frame.format.name)
    small.colorspace, small.color_range = frame.colorspace, frame.color_range
    for source, target in zip(frame.planes, small.planes, strict=True):
        size = (target.width, target.height)
        _pixels(target)[:] = cv2.resize(_pixels(source), size, interpolation=cv2.INTER_AREA)
    return small


def _pixels(plane: VideoPlane) -> np.ndarray:
    """Return a plane's (height, width) uint8, not copied."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
        : plane.height, : plane.width
    ]
