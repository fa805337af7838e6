"""Open recordings and still images with PyAV: the video stream, its extent and its packets."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.runtime import LARGEST_PX
from pipeline.runtime.regular_files import check_regular, open_regular, read_regular
from pipeline.runtime.worker_limits import progress
from pipeline.video.mp4_boxes import check_claims
from pipeline.video.orientation import header_extent
from pipeline.video.unusable import UnusableError

SMALLEST_SIDE_PX = 16
"""Shortest side of a frame: below, it holds no face, and scaling may leave no pixel of it."""

_BOUNDED = {"max_pixels": str(LARGEST_PX)}
"""Option of FFmpeg's decoders: larger frames raise an error before any memory is reserved for them."""

_RAW = frozenset({"av1", "cavsvideo", "dirac", "evc", "h264", "hevc", "m4v", "mjpeg", "obu", "vc1", "vvc"})
"""FFmpeg's readers of raw streams, which hold no timestamps; for some of them it invents 25 frames/s."""

_LFS_POINTER = b"version https://git-lfs.github.com/spec"

_LARGEST_STILL = 2**30
"""Largest file of a still image, bytes."""

_BY_NAME = "image2"
"""FFmpeg's reader of still images by file name."""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a video or a still image; a still image is recognised by its content.

    By name, FFmpeg reads larger JPEGs as image sequences, which yield nothing after seeking, and `p%03d.png`
    as a pattern, so that it would open another file. Metadata need not be UTF-8.
    """
    check_regular(path)
    check_claims(path)
    container = _open(str(path))
    if container.format.name == _BY_NAME:
        container.close()
        container = _open(io.BytesIO(read_regular(path, _LARGEST_STILL)))
    with container:
        yield container


def _open(source: str | BinaryIO) -> InputContainer:
    """Open a file; FFmpeg decodes a first frame of some, so that its size must be bounded already here."""
    options = {"pattern_type": "none", **_BOUNDED}
    try:
        return av.open(source, "r", options=options, metadata_errors="replace")
    except (UnicodeDecodeError, OverflowError, ValueError) as error:
        if isinstance(error, av.error.FFmpegError):
            raise
        raise av.error.InvalidDataError(0, "a header that is not valid") from None


def is_still(container: InputContainer) -> bool:
    """Return whether the container holds a still image."""
    return container.format.name.endswith("_pipe") or container.format.name == _BY_NAME


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the video stream to use: the only one, or the only one flagged as default.

    Cover art is no video stream. Raises UnusableError if there is no video stream, if it is not clear which
    one to use, if there is no decoder or no clock for it, or if its frames are too small or too large.
    """
    if container.format.name in _RAW:
        raise UnusableError(
            path,
            f"a raw {container.format.name} stream, without timestamps: its frame rate is not known",
            f"put it into a container with its frame rate, e.g. `MP4Box -add {path.name}:fps=25 OUT.mp4`",
        )
    videos = _video_streams(container)
    if not videos:
        raise UnusableError(path, "no video stream (audio only?)", "supply the complete original recording")
    flagged = [stream for stream in videos if Disposition.default in stream.disposition]
    if len(videos) > 1 and len(flagged) != 1:
        raise UnusableError(
            path,
            f"{len(videos)} video streams ({_extents(videos)}), {len(flagged)} of them flagged as default",
            f"extract the one that shows the face: ffmpeg -i {path.name!r} -map 0:v:0 -c copy OUT.mkv (0:v:1 "
            "for the second one)",
        )
    stream = flagged[0] if len(videos) > 1 else videos[0]
    if stream.codec_context is None:
        raise UnusableError(path, "no decoder for its codec", "convert the file to H.264")
    # One thread per clip: clips run in parallel, and results must not depend on the number of threads.
    stream.codec_context.thread_count = 1
    stream.codec_context.options = dict(_BOUNDED)
    _check_extent(stream, path, is_still=is_still(container))
    return stream


def stream_note(container: InputContainer, stream: VideoStream) -> str:
    """Return a note on which of several video streams is used; empty if there is only one."""
    videos = _video_streams(container)
    if len(videos) < 2:
        return ""
    return f"{len(videos)} video streams ({_extents(videos)}); the default one ({_extents([stream])}) is used"


def refuse_pointers(path: Path) -> None:
    """Raise UnusableError for an empty file, and for a pointer of Git LFS."""
    with open_regular(path) as file:
        head = file.read(len(_LFS_POINTER))
    if not head:
        raise UnusableError(path, "the file is empty (0 bytes)", "copy it again")
    if head == _LFS_POINTER:
        raise UnusableError(
            path,
            "a Git LFS pointer, not the file itself",
            "run `git lfs pull` in its repository, or download the file",
        )


def first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """Decode the first frame that can be decoded; raise an FFmpegError if there is none."""
    for packet in demuxed(container, stream):
        for frame in decoded(packet):
            return frame
    raise av.error.InvalidDataError(0, f"no frame of up to {LARGEST_PX / 1e6:.0f} megapixels can be decoded")


def demuxed(container: InputContainer, *streams: VideoStream) -> Iterator[av.Packet]:
    """Yield the packets of some streams, or of all; raise an FFmpegError if they cannot be distinguished.

    PyAV raises IndexError for a packet of a stream that appears only within a damaged file.
    """
    packets = container.demux(*streams)
    while True:
        progress()
        try:
            packet = next(packets)
        except StopIteration:
            return
        except IndexError:
            raise av.error.InvalidDataError(0, "a stream that its header does not list") from None
        yield packet


def decoded(packet: av.Packet) -> list[VideoFrame]:
    """Return the frames that a packet completes; none if it is damaged."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except (av.error.InvalidDataError, av.error.ArgumentError):  # the latter of a frame that is too large
        return []


def why(error: av.error.FFmpegError) -> str:
    """Return why FFmpeg could not read a file, in words.

    Its decoders report damage also by error numbers of the system, whose text would mislead.
    """
    if isinstance(error, (av.error.ArgumentError, av.error.PermissionError)):
        return "its content is damaged"
    return str(error.strerror)


def stamp_of(packet: av.Packet) -> int:
    """Return the presentation time of a packet's frame, in ticks of the stream's clock."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return stamp if stamp is not None else 0


def _video_streams(container: InputContainer) -> list[VideoStream]:
    return [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]


def _extents(streams: list[VideoStream]) -> str:
    contexts = [stream.codec_context for stream in streams]
    return ", ".join(f"{c.width}x{c.height}" if c else "unknown codec" for c in contexts)


def _check_extent(stream: VideoStream, path: Path, *, is_still: bool) -> None:
    """Raise UnusableError if frames are too small or too large.

    The container may not know their size (0 x 0). That of a still image is then read from its header, because
    FFmpeg does not decode, and so does not know, images that are too large.
    """
    width, height = stream.codec_context.width, stream.codec_context.height
    if not (width and height) and is_still:
        width, height = header_extent(path)
    if 0 < min(width, height) < SMALLEST_SIDE_PX:
        raise UnusableError(
            path,
            f"{width}x{height} pixels; the shorter side must have at least {SMALLEST_SIDE_PX}",
            "supply the original, or leave it out",
        )
    if width * height > LARGEST_PX:
        raise UnusableError(
            path,
            f"{width}x{height} pixels; at most {LARGEST_PX / 1e6:.0f} megapixels are read",
            "scale it down, or leave it out",
        )
