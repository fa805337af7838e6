"""Probe files: videos that can be decoded from the first frame to the last, and still images.

A still image counts as a video of one frame at 0 s, without a frame rate or a duration.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.runtime.errors import EmoError
from pipeline.video.container import (
    decoded,
    is_still,
    opened,
    rotation_of,
    stamp_of,
    upright_extent,
    video_stream,
)

_LFS_POINTER = b"version https://git-lfs.github.com/spec"

_TIFF_MAGIC = (b"II*\0", b"MM\0*")
_TIFF_COMPRESSION = 259
"""Tag of a TIFF's first directory (TIFF 6.0, section 8)."""

_TIFF_JPEG = (6, 7)
"""JPEG within TIFF, old and new style: FFmpeg decodes it to a black image, without an error."""


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
    "Duration, seconds; 0 for a still image."
    frames: int
    "Number of frames."
    codec: str
    "Name of the codec, as FFmpeg has it."
    rotation: int
    "Clockwise rotation that makes the stored frames upright: 0, 90, 180 or 270 degrees."


def probe(path: Path) -> VideoInfo:
    """Open a video, decode its first and its last frame, and count its packets.

    Raises EmoError if the file is not a video, is empty or truncated, or cannot be decoded.
    """
    _refuse_non_videos(path)
    try:
        with av.open(str(path)) as container:
            stream = video_stream(container, path)
            if is_still(container):
                raise EmoError(f"{path}: a still image ({container.format.name}), not a video")
            first = _first_frame(container, stream)
            stamps = _all_stamps(container, stream, path)
            _decode_end(container, stream, stamps)
            return _info(stream, first, stamps)
    except av.error.FFmpegError as error:
        raise EmoError(
            f"{path}: cannot be decoded ({error.strerror}); check that it is a complete video: play it, then "
            "copy or convert it again"
        ) from None


def probe_still(path: Path) -> VideoInfo:
    """Open a still image and decode it; raise EmoError if it is not one, or is not complete."""
    _refuse_non_videos(path)
    compression = _tiff_compression(path)
    if compression in _TIFF_JPEG:
        raise EmoError(f"{path}: a TIFF compressed as JPEG, which cannot be decoded; convert it to PNG")
    try:
        with opened(path) as container:
            stream = video_stream(container, path)
            if not is_still(container):
                raise EmoError(f"{path}: not a still image ({container.format.name}); leave it out")
            first = _first_frame(container, stream)
            codec = stream.codec_context.name
            if codec == "mjpeg" and not _is_complete_jpeg(path):
                raise av.error.InvalidDataError(0, "the image is truncated")
            width, height = upright_extent(stream, first)
            return VideoInfo(width, height, 0.0, 0.0, 1, codec, rotation_of(first))
    except av.error.FFmpegError as error:
        remedy = "check that it is a complete image: open it, then copy it again or leave it out"
        if compression:  # some TIFFs hold floats or 32 bits, or have rare compressions
            remedy = "if the copy is complete, this kind of TIFF is not supported: convert it to PNG"
        raise EmoError(f"{path}: cannot be decoded ({error.strerror}); {remedy}") from None


def is_video(path: Path) -> bool:
    """Return whether a file is a video, not a still image."""
    try:
        probe(path)
    except EmoError:
        return False
    return True


def _refuse_non_videos(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(_LFS_POINTER))
    if not head:
        raise EmoError(f"{path}: the file is empty (0 bytes); copy it again")
    if head == _LFS_POINTER:
        raise EmoError(
            f"{path}: a Git LFS pointer, not the file itself; run `git lfs pull` in its repository, or "
            "download the file"
        )


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for packet in container.demux(stream):
        for frame in decoded(packet):
            return frame
    raise av.error.InvalidDataError(0, "no frame can be decoded")


def _all_stamps(container: InputContainer, stream: VideoStream, path: Path) -> list[int]:
    """Return the timestamps of all packets, sorted; raise EmoError if the file ends too early."""
    container.seek(min(0, stream.start_time or 0), stream=stream)
    stamps = sorted(stamp_of(packet) for packet in container.demux(stream) if packet.size)
    # The header of an AVI also counts the empty chunks of repeated frames.
    if len(stamps) < stream.frames and container.format.name != "avi":
        raise EmoError(
            f"{path}: truncated: the file has {len(stamps)} of its {stream.frames} frames; copy it again"
        )
    return [stamp for stamp in stamps if stamp >= (stream.start_time or 0)] or stamps


def _decode_end(container: InputContainer, stream: VideoStream, stamps: Sequence[int]) -> None:
    """Decode from the last keyframe; raise an FFmpegError if that gives no frame.

    Some containers (FLV, MPEG-TS) seek past the last keyframe; for them it seeks further back, step by step.
    """
    for back_s in (0, 2, 20, 200):
        back = round(back_s / float(stream.time_base or 1))
        container.seek(max(stamps[0], stamps[-1] - back), stream=stream)
        stream.codec_context.flush_buffers()
        if any(decoded(packet) for packet in container.demux(stream)):
            return
    raise av.error.InvalidDataError(0, "no frame can be decoded at the end")


def _info(stream: VideoStream, first: VideoFrame, stamps: Sequence[int]) -> VideoInfo:
    tick_s = float(stream.time_base or 1)
    spans = [b - a for a, b in pairwise(stamps)]
    usual = sorted(spans)[len(spans) // 2] if spans else _nominal_ticks(stream)
    duration_s = (stamps[-1] - stamps[0] + usual) * tick_s
    width, height = upright_extent(stream, first)
    return VideoInfo(
        width=width,
        height=height,
        fps=round(len(stamps) / duration_s, 4) if duration_s else 0.0,
        duration_s=round(duration_s, 4),
        frames=len(stamps),
        codec=stream.codec_context.name,
        rotation=rotation_of(first),
    )


def _nominal_ticks(stream: VideoStream) -> float:
    """Return the duration of one frame by the header's frame rate, in ticks of the stream's clock."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate / stream.time_base) if rate and stream.time_base else 0.0


def _is_complete_jpeg(path: Path) -> bool:
    """Return whether a JPEG has its end (EOI) after its last scan (SOS); decoders fill in what is truncated.

    Neither marker can occur within a scan (ITU-T T.81, B.1.1.2).
    """
    data = path.read_bytes()
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")


def _tiff_compression(path: Path) -> int:
    """Return the compression of the first image of a TIFF (1: none); 0 for any other file."""
    with path.open("rb") as file:
        if file.read(4) not in _TIFF_MAGIC:
            return 0
    data = path.read_bytes()
    order = "<" if data.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        entries = [struct.unpack_from(f"{order}H6xH", data, start + 2 + 12 * i) for i in range(count)]
    except struct.error:  # truncated: the decoder reports it
        return 1
    return dict(entries).get(_TIFF_COMPRESSION, 1)
