"""Open recordings and still images with PyAV: the video stream, its packets, and frame orientation."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.runtime.errors import EmoError

_BY_NAME = "image2"
"""FFmpeg's reader of still images by file name."""

_EXIF_ORIENTATION = 0x0112
_MIRRORED = (2, 4, 5, 7)
"""EXIF orientations that mirror the image (EXIF 2.3, 4.6.4)."""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a video or a still image; a still image is recognised by its content.

    By name, FFmpeg reads larger JPEGs as image sequences, which yield nothing after seeking, and `p%03d.png`
    as a pattern, so that it would open another file.
    """
    container = av.open(str(path), options={"pattern_type": "none"})
    if container.format.name == _BY_NAME:
        container.close()
        container = av.open(io.BytesIO(path.read_bytes()), "r")
    with container:
        yield container


def is_still(container: InputContainer) -> bool:
    """Return whether the container holds a still image."""
    return container.format.name.endswith("_pipe") or container.format.name == _BY_NAME


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the first video stream that is not cover art; raise EmoError if there is none."""
    videos = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
    if not videos:
        raise EmoError(f"{path}: no video stream (audio only?); supply the complete original recording")
    stream = videos[0]
    if stream.codec_context is None:
        raise EmoError(f"{path}: no decoder for its codec; convert the file to H.264")
    # One thread per clip: clips run in parallel, and results must not depend on the number of threads.
    stream.codec_context.thread_count = 1
    return stream


def decoded(packet: av.Packet) -> list[VideoFrame]:
    """Return the frames that a packet completes; none if it is damaged."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except av.error.InvalidDataError:
        return []


def stamp_of(packet: av.Packet) -> int:
    """Return the presentation time of a packet's frame, in ticks of the stream's clock."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return stamp if stamp is not None else 0


def rotation_of(frame: VideoFrame) -> int:
    """Return the clockwise rotation that makes a frame upright: 0, 90, 180 or 270 degrees."""
    return round(-frame.rotation / 90) % 4 * 90


def upright_extent(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """Return the (width, height) of a frame as shown: upright, with square pixels."""
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = round(frame.width * aspect), frame.height
    return (height, width) if rotation_of(frame) % 180 else (width, height)


def is_mirrored(path: Path) -> bool:
    """Return whether a still image's EXIF orientation mirrors it; FFmpeg's frames give only the rotation."""
    from PIL import Image  # not needed for videos

    try:
        with Image.open(path) as image:
            return image.getexif().get(_EXIF_ORIENTATION) in _MIRRORED
    except (OSError, ValueError, SyntaxError):  # Pillow cannot read it, FFmpeg can
        return False
