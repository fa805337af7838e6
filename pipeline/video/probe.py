"""Probe videos: files that can be decoded from the first frame to the last."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.video.completeness import check_all_there, check_times, missing_end
from pipeline.video.container import (
    decoded,
    demuxed,
    is_still,
    opened,
    refuse_pointers,
    stream_note,
    video_stream,
    why,
)
from pipeline.video.info import VideoInfo
from pipeline.video.orientation import matrix_of, rotation
from pipeline.video.picture import upright_extent
from pipeline.video.reader import Reader
from pipeline.video.timeline import usual_distance
from pipeline.video.unusable import UnusableError


def probe(path: Path) -> VideoInfo:
    """Open a video, decode its first and its last frame, and check the timestamps of all packets.

    Raises EmoError if the file is not a video, is empty or truncated, or cannot be decoded or timed. A
    recording that was cut off, but of which the rest can be used, is reported in the result.
    """
    refuse_pointers(path)
    try:
        with opened(path) as container:
            stream = video_stream(container, path)
            if is_still(container):
                raise UnusableError(path, f"a still image ({container.format.name})", "give videos")
            return _probed(path, container, stream)
    except av.error.FFmpegError as error:
        raise UnusableError(
            path,
            f"cannot be decoded ({why(error)})",
            "check that it is a complete video: play it, then copy or convert it again",
        ) from None


def is_still_image(path: Path) -> bool:
    """Return whether a file is a still image, not a video, without decoding it.

    Raises UnusableError if it is neither, or cannot be used by what its header states.
    """
    refuse_pointers(path)
    try:
        with opened(path) as container:
            video_stream(container, path)
            return is_still(container)
    except av.error.FFmpegError:
        raise UnusableError(
            path, "neither a video nor an image that can be decoded", "copy it again"
        ) from None


def _probed(path: Path, container: InputContainer, stream: VideoStream) -> VideoInfo:
    """Probe an open video."""
    reader = Reader(container, stream)
    entries = reader.all_entries()
    check_times(path, reader, entries)
    check_all_there(path, reader, len(entries))
    stamps = reader.shown_stamps(entries)
    if container.format.name == "gif" and len(stamps) == 1:
        raise UnusableError(path, "a still image (gif)", "convert it to PNG")
    first = reader.first_frame()
    _decode_end(reader, stamps[-1])
    info = _info(reader, first, stamps)
    cut_off = missing_end(path, reader, entries[-1], info.duration_s)
    notes = tuple(filter(None, (cut_off, stream_note(container, stream))))
    return replace(info, cut_off=cut_off, notes=notes)


def _decode_end(reader: Reader, last: int) -> None:
    """Decode from the last keyframe; raise an FFmpegError if that gives no frame.

    Some containers (FLV, MPEG-TS) seek past the last keyframe; for them it seeks further back, step by step,
    and at last to the first packet.
    """
    for back_s in (0, 2, 20, 200, math.inf):
        back = last - reader.head if back_s == math.inf else round(back_s / reader.clock.tick_s)
        reader.container.seek(max(reader.head, last - back), stream=reader.stream)
        reader.stream.codec_context.flush_buffers()
        if any(decoded(packet) for packet in demuxed(reader.container, reader.stream)):
            return
    raise av.error.InvalidDataError(0, "no frame can be decoded at the end")


def _info(reader: Reader, first: VideoFrame, stamps: Sequence[int]) -> VideoInfo:
    stream, clock = reader.stream, reader.clock
    usual = usual_distance(stamps, _nominal_ticks(stream))
    span_s = (stamps[-1] - stamps[0] + usual) * clock.tick_s
    matrix, aspect = matrix_of(first), float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = upright_extent((first.width, first.height), aspect, matrix)
    return VideoInfo(
        width=width,
        height=height,
        fps=round(len(stamps) / span_s, 4) if span_s else 0.0,
        duration_s=round(span_s + clock.offset_s, 4),
        frames=len(stamps),
        codec=stream.codec_context.name,
        rotation=rotation(matrix),
    )


def _nominal_ticks(stream: VideoStream) -> float:
    """Return the duration of one frame by the header's frame rate, in ticks of the stream's clock."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate / stream.time_base) if rate and stream.time_base else 0.0
