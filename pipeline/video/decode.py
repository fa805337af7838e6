"""Decode the frames of a recording at chosen times.

Times are seconds of the player's clock: what a player or ELAN shows. Zero is the start of the earliest
stream; if sound starts before the picture, the first frame comes later. Frames are upright, as a player shows
them: turned and mirrored by the display matrix, with square pixels, deinterlaced, in SDR, and all of the size
of the recording's first frame.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.runtime.errors import EmoError, reason
from pipeline.video.container import first_frame, is_still, opened, video_stream, why
from pipeline.video.deinterlace import deinterlaced, is_interlaced
from pipeline.video.orientation import matrix_of, matrix_of_still
from pipeline.video.picture import Converter, upright_extent
from pipeline.video.reader import Reader
from pipeline.video.timeline import Moment, Sampling, with_neighbours
from pipeline.video.unusable import UnusableError

__all__ = ["SampledFrame", "Sampling", "Tally", "sample", "sample_ends"]


@dataclass(frozen=True)
class SampledFrame:
    """One sampled frame."""

    frame: int
    "Index among the frames that a player shows, in the order of presentation."
    time_s: float
    "Presentation time, seconds of the player's clock; of a frame shown since before the stretch, its start."
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
    are handled exactly. If no frame starts within the stretch, the one shown at its start is sampled. Frames
    that are neither sampled nor a reference for others are not decoded, nor are groups of pictures without a
    sampled frame. Damaged frames are counted as corrupt and left out. Memory: a few frames.

    Raises UnusableError if the content of the file is the reason that it cannot be read, else EmoError.
    """
    with _reading(path) as (container, stream):
        reader = Reader(container, stream)
        yield from _sampled(path, reader, reader.choose(sampling), sampling.max_side, tally)


def sample_ends(path: Path, sampling: Sampling, tally: Tally) -> list[SampledFrame]:
    """Return the first and the last of the frames that `sample` yields, if they can be decoded.

    `tally` counts only these. Raises what `sample` raises.
    """
    with _reading(path) as (container, stream):
        reader = Reader(container, stream)
        chosen = reader.choose(sampling)
        ends = {stamp: chosen[stamp] for stamp in [*chosen][:1] + [*chosen][-1:]}
        return list(_sampled(path, reader, ends, sampling.max_side, tally))


@contextmanager
def _reading(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a recording; raise an EmoError for what FFmpeg raises within the block."""
    try:
        with opened(path) as container:
            yield container, video_stream(container, path)
    except av.error.FFmpegError as error:
        if isinstance(error, (OSError, MemoryError)):
            _check_disk(path)
        finding = f"cannot be decoded ({why(error)})"
        raise UnusableError(path, finding, "restore it with `dvc checkout`, or replace it") from None


def _check_disk(path: Path) -> None:
    """Raise EmoError if the disk is the reason that a file cannot be read."""
    try:
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass
    except OSError as error:
        raise EmoError(
            f"{path}: cannot be read ({reason(error)}); check the disk, then restore it with `dvc checkout`"
        ) from None


def _sampled(
    path: Path, reader: Reader, wanted: dict[int, Moment], max_side: int, tally: Tally
) -> Iterator[SampledFrame]:
    """Decode the wanted frames, make images of them, and count them."""
    tally.wanted = tally.corrupt = len(wanted)
    converter, size, still = Converter(max_side), _Size(path, reader), is_still(reader.container)
    aspect = float(reader.stream.sample_aspect_ratio or 1) or 1.0
    for stamp, frame in _progressive(reader, wanted):
        matrix = matrix_of_still(frame, path) if still else reader.matrix or matrix_of(frame)
        tally.corrupt -= 1
        tally.width, tally.height = upright_extent(size.of(frame), aspect, matrix)
        image = converter.image(frame, (tally.width, tally.height), matrix)
        yield SampledFrame(*wanted[stamp], image)


def _progressive(reader: Reader, wanted: dict[int, Moment]) -> Iterator[tuple[int, VideoFrame]]:
    """Yield the wanted frames, deinterlaced if the stream or its first wanted frame is interlaced."""
    if not is_interlaced(reader.stream.codec_context):
        frames = reader.decode(wanted)
        first = next(frames, None)
        if first is None or not first[1].interlaced_frame:
            yield from chain([first] if first else [], frames)
            return
    places = {stamp: place for place, stamp in enumerate(dict.fromkeys(reader.stamps))}
    before = current = None
    for after in chain(reader.decode(with_neighbours(wanted, [*places])), [None]):
        if current and current[0] in wanted:
            beside = [
                pair[1] if pair and abs(places[pair[0]] - places[current[0]]) == 1 else None
                for pair in (before, after)
            ]
            yield current[0], deinterlaced(beside[0], current[1], beside[1])
        before, current = current, after


class _Size:
    """The stored size of a recording's first frame, to which all its frames are scaled."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self._path, self._stored, self._is_decoded = path, reader.stored, False

    def of(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height); `frame` is any frame of the recording.

        The container's size is that of the first frame, unless a frame differs: then it is decoded.
        """
        if (frame.width, frame.height) != self._stored and not self._is_decoded:
            self._stored, self._is_decoded = _first_size(self._path), True
        return self._stored


def _first_size(path: Path) -> tuple[int, int]:
    with opened(path) as container:
        frame = first_frame(container, video_stream(container, path))
        return frame.width, frame.height
