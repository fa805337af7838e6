"""Damaged recordings of several containers are read or refused, in bounded time: no other exception."""

import random
import time
from pathlib import Path

import pytest

from pipeline.runtime.errors import EmoError
from pipeline.video.clip_frames import ClipFrames, check_stretch
from pipeline.video.decode import Sampling, Tally, sample
from pipeline.video.probe import is_still_image, probe
from tests.support.making import write_video

CONTAINERS = {
    "mp4": "libx264",
    "mov": "mjpeg",
    "mkv": "libx264",
    "webm": "libvpx-vp9",
    "avi": "mpeg4",
    "ts": "mpeg2video",
    "flv": "flv1",
}
ROUNDS = 25


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a file with flipped, overwritten, moved or missing bytes; headers are hit most."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        end = len(found) if chance.random() < 0.5 else min(len(found), 600)
        at, kind = chance.randrange(max(1, end)), chance.randrange(5)
        if kind == 0:
            found[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            found[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        elif kind == 2:
            found[at : at + chance.randrange(64)] = b""
        elif kind == 3:
            found[at:at] = found[: chance.randrange(64)]
        else:
            del found[max(100, at) :]
    return bytes(found)


def attempt(path: Path) -> None:
    plan = ClipFrames(Sampling(0.0, 2.0, 0.2, 64), 90)
    for work in (
        lambda: probe(path),
        lambda: check_stretch(path, plan),
        lambda: list(sample(path, plan.sampling, Tally())),
        lambda: is_still_image(path),
    ):
        try:
            work()
        except EmoError as error:
            assert str(error).startswith(str(path)), error  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_damaged_recordings_are_read_or_refused(tmp_path: Path, suffix: str) -> None:
    chance, start = random.Random(suffix), time.process_time()
    data = write_video(tmp_path / f"v.{suffix}", 12, codec=CONTAINERS[suffix]).read_bytes()
    path = tmp_path / f"d.{suffix}"
    for _ in range(ROUNDS):
        path.write_bytes(damaged(data, chance))
        attempt(path)
    assert time.process_time() - start < 30
