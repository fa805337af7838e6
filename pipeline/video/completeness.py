"""Checks of a recording's packets: that their timestamps can be used, and that none is missing at the end."""

from collections.abc import Sequence
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.video.container import demuxed
from pipeline.video.reader import Reader
from pipeline.video.timeline import Clock, Entry
from pipeline.video.unusable import UnusableError

_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"

_WITH_DURATION = frozenset({"flv", "matroska,webm"})
"""Containers whose header states the duration of a finished recording; of others, FFmpeg measures it."""

_NEVER_REORDERED = frozenset({"av1", "ffv1", "flv1", "gif", "mjpeg", "vp8", "vp9"})
"""Codecs that store frames in the order in which they are shown."""

_REORDERED = 17
"""Packets after which a frame cannot be shown any more (H.264 and HEVC reorder at most 16)."""

_REPEATED = 0.1
"""Share of frames with the timestamp of another frame from which on the timestamps are wrong, not unlucky."""

_MISSING_S = 0.5
"""A header may state this much more than there is: the last frame is shown for a while."""

_TS_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Size of a packet of MPEG-TS, and where in it the byte 0x47 is."""

_CONVERT = "convert it to a constant frame rate, for example with HandBrake"


def check_times(path: Path, reader: Reader, entries: Sequence[Entry]) -> None:
    """Raise UnusableError if there are no packets, or their timestamps are missing, jump back or repeat."""
    if not entries:
        raise UnusableError(path, "no frames in its video stream", "copy the complete original again")
    if missing := sum(not entry.is_timed for entry in entries):
        finding = f"{missing} of {len(entries)} frames have no timestamp ({reader.container.format.name})"
        raise UnusableError(path, finding, _CONVERT)
    stamps = [entry.stamp for entry in entries if not entry.is_hidden]
    delay = 1 if reader.stream.codec_context.name in _NEVER_REORDERED else _REORDERED
    _check_order(path, stamps, delay, reader.clock)
    repeated = len(stamps) - len(set(stamps))
    if repeated > _REPEATED * len(stamps):
        raise UnusableError(
            path, f"{repeated} of {len(stamps)} frames have the timestamp of another frame", _CONVERT
        )


def check_all_there(path: Path, reader: Reader, found: int) -> None:
    """Raise UnusableError if a file ends before frames that its header lists.

    The index of an MP4 gives the place of each frame in the file; what an edit list leaves out is not in it.
    A fragmented MP4 has none for the whole file, and the header of an AVI also counts the empty chunks of
    repeated frames: see `missing_end`.
    """
    name, listed = reader.container.format.name, reader.stream.frames
    if not listed or name == "avi":
        return
    if name == _MP4:
        size, ends = path.stat().st_size, [entry.pos + entry.size for entry in reader.stream.index_entries]
        found, listed = sum(end <= size for end in ends), len(ends)
    if found < listed:
        raise UnusableError(path, f"truncated: the file has {found} of its {listed} frames", "copy it again")


def missing_end(path: Path, reader: Reader, last: Entry, end_s: float) -> str:
    """Return how much is missing at the end of a recording; empty if nothing is, as far as the file shows.

    Args:
        path: The recording.
        reader: The open recording; all its packets may be read again.
        last: The last packet of its video stream.
        end_s: End of the picture, seconds.
    """
    container = reader.container
    stated_s = _stated_s(container, reader.stream)
    there_s = end_s
    if stated_s - end_s > _MISSING_S and container.format.name != "avi":
        there_s = max(end_s, _last_end_s(container))  # sound may go on after the picture
    if stated_s - there_s > _MISSING_S:
        return f"{there_s:.4g} of {stated_s:.4g} s are there: the recording is cut off"
    if last.is_corrupt or _is_cut_transport_stream(path, container):
        return f"cut off after {end_s:.4g} s, within a frame; how much is missing is not known"
    return ""


def _check_order(path: Path, stamps: Sequence[int], delay: int, clock: Clock) -> None:
    """Raise UnusableError if a frame is stored after one that must already have been shown later."""
    latest = stamps[0] if stamps else 0
    for earlier, stamp in zip(stamps, stamps[delay:], strict=False):
        latest = max(latest, earlier)
        if stamp < latest:
            raise UnusableError(
                path,
                f"the timestamps jump back from {clock.seconds(latest):.4g} to {clock.seconds(stamp):.4g} s "
                "(several recordings in one file?)",
                f"separate the parts, or {_CONVERT}",
            )


def _stated_s(container: InputContainer, stream: VideoStream) -> float:
    """Return the duration that the header states, seconds; 0 if it states none."""
    if container.format.name == "avi" and stream.average_rate:
        return float(stream.frames / stream.average_rate)
    if container.format.name in _WITH_DURATION:
        return (container.duration or 0) / av.time_base
    return 0.0


def _last_end_s(container: InputContainer) -> float:
    """Return the end of the last packet of all streams, seconds."""
    container.seek(0)
    ends = [
        float((packet.pts + (packet.duration or 0)) * packet.time_base)
        for packet in demuxed(container)
        if packet.pts is not None and packet.time_base
    ]
    return max(ends, default=0.0)


def _is_cut_transport_stream(path: Path, container: InputContainer) -> bool:
    """Return whether an MPEG transport stream ends within a packet, which all have one size."""
    if container.format.name != "mpegts":
        return False
    with path.open("rb") as file:
        start = file.read(2 * max(size for size, _ in _TS_PACKETS))
    for size, place in _TS_PACKETS:
        if start[place::size][:2] == b"\x47\x47":
            return bool(path.stat().st_size % size)
    return False
