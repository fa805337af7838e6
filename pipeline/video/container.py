"""Opening recordings and pictures: the stream that is meant, its packets, how a frame stands upright.

With `probe` and `video` the only home of PyAV."""

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
"""FFmpeg's reader of pictures that goes by file names."""

_EXIF_ORIENTATION = 0x0112
_MIRRORED = (2, 4, 5, 7)
"""Values of the EXIF's orientation (EXIF 2.3, 4.6.4)."""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
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


def is_still(container: InputContainer) -> bool:
    """Tell whether it is a picture."""
    return container.format.name.endswith("_pipe") or container.format.name == _BY_NAME


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the first stream that is no cover picture; raise EmoError where there is none."""
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


def decoded(packet: av.Packet) -> list[VideoFrame]:
    """Decode a packet; damaged data give no frame."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except av.error.InvalidDataError:
        return []


def stamp_of(packet: av.Packet) -> int:
    """Return when a packet's frame is shown, in ticks of the stream's clock."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return stamp if stamp is not None else 0


def rotation_of(frame: VideoFrame) -> int:
    """Return by how many degrees clockwise, in quarters, the picture is turned to stand upright."""
    return round(-frame.rotation / 90) % 4 * 90


def upright_extent(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """Return the (width, height) of the picture as shown: square pixels, turned upright."""
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = round(frame.width * aspect), frame.height
    return (height, width) if rotation_of(frame) % 180 else (width, height)


def is_mirrored(path: Path) -> bool:
    """Tell whether a picture's EXIF says that it is mirrored; FFmpeg's frames tell only how it is turned."""
    from PIL import Image  # no video needs it

    try:
        with Image.open(path) as picture:
            return picture.getexif().get(_EXIF_ORIENTATION) in _MIRRORED
    except (OSError, ValueError, SyntaxError):  # what Pillow cannot read, FFmpeg has read
        return False
