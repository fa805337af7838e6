"""Recordings as labs have them: other timestamps, edit lists, sound, several streams, cut-off copies."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

MOVIE_TICKS = 1000
"""Ticks per second of an MP4 as a whole, as FFmpeg writes it."""


def remux(
    source: Path,
    target: Path,
    times: Callable[[int, int], int] = lambda _, time: time,
    *,
    format_name: str | None = None,
    **options: str,
) -> Path:
    """Copy the packets of a video; `times` maps position and time (ticks of the source) to a new time."""
    with av.open(str(source)) as old, av.open(str(target), "w", format=format_name, options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0], opaque=True)
        packets = [packet for packet in old.demux(video=0) if packet.dts is not None]
        for position, packet in enumerate(packets):
            delay = packet.pts - packet.dts
            packet.pts = times(position, packet.pts)
            packet.dts = packet.pts - delay
            packet.stream = stream
            new.mux(packet)
    return target


def write_streams(path: Path, *streams: tuple[int, int, float], sound_s: float = 0.0) -> Path:
    """Write a video with several video streams of ten frames/s and, if it is longer than 0 s, with sound.

    Args:
        path: The recording.
        streams: (side in pixels, frames, start in seconds) of each; its frames are numbered from 0.
        sound_s: Duration of the sound, which starts at 0 s.
    """
    from tests.support.making import numbered

    with av.open(str(path), "w") as container:
        packets = []
        videos = [container.add_stream("libx264", rate=10, options={"threads": "1"}) for _ in streams]
        sound = container.add_stream("aac", rate=8000) if sound_s else None
        for video, (side, _, _) in zip(videos, streams, strict=True):
            video.width = video.height = side
            video.pix_fmt = "yuv420p"
        for video, (side, count, start_s) in zip(videos, streams, strict=True):
            for index in range(count):
                frame = av.VideoFrame.from_ndarray(numbered(index, side, side), format="bgr24")
                frame.pts, frame.time_base = round(start_s * 10) + index, Fraction(1, 10)
                packets += video.encode(frame)
            packets += video.encode()
        if sound:
            for index in range(round(sound_s * 8000 / 1024)):
                silence = AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                silence.sample_rate, silence.pts = 8000, index * 1024
                packets += sound.encode(silence)
            packets += sound.encode()
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def set_edits(path: Path, *edits: tuple[float, float]) -> Path:
    """Replace the edit list of an MP4 written by FFmpeg (ISO 14496-12, 8.6.6): start and length in seconds.

    The boxes around it grow; the index of frames stays right, because it comes after the frames.
    """
    data = bytearray(path.read_bytes())
    start = data.index(b"elst") - 4
    old = struct.unpack_from(">I", data, start)[0]
    zero = struct.unpack_from(">i", data, start + 20)[0]  # media time of the first frame shown
    at = data.index(b"mdhd") + 16
    ticks = struct.unpack_from(">I", data, at)[0]
    rows = [
        struct.pack(">IiI", round(length * MOVIE_TICKS), zero + round(begin * ticks), 1 << 16)
        for begin, length in edits
    ]
    box = struct.pack(">I4sII", 16 + 12 * len(rows), b"elst", 0, len(rows)) + b"".join(rows)
    data[start : start + old] = box
    for name in (b"moov", b"trak", b"edts"):
        place = data.index(name) - 4
        size = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", data, place, size + len(box) - old)
    path.write_bytes(data)
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only this share of a file, as if the recorder had crashed."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def flip_bits(path: Path, target: Path, positions: set[int], seed: int = 0) -> Path:
    """Copy a video, with flipped bits in the second half of the packets at these positions."""
    random = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    for position in positions:
        content = packets[position]
        start = data.index(content)
        for place in random.integers(len(content) // 2, len(content), 6):
            data[start + place] ^= 1 << random.integers(0, 8)
    target.write_bytes(data)
    return target
