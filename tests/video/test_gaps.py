"""Stretches in which a recording shows no new frame, and looking at a stretch beforehand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.video.clip_frames import ClipFrames, check_stretch
from pipeline.video.decode import Sampling
from tests.support.making import number_of, numbered, take_sample, write_video
from tests.support.remuxing import flip_bits

TIMES_MS = [*range(0, 2000, 100), 5000, 5100]
"""For three seconds, the frame of 1.9 s is shown."""


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.webm", "v.flv"])
@pytest.mark.parametrize("stretch", [(2.6, 4.0), (1.95, 2.0), (4.9, 5.0)])
def test_the_frame_that_is_shown_is_sampled_once(
    tmp_path: Path, name: str, stretch: tuple[float, float]
) -> None:
    codec = "libvpx" if name.endswith("webm") else "libx264"
    path = write_video(tmp_path / name, 22, codec=codec, times_ms=TIMES_MS, g="5")
    [frame], tally = take_sample(path, *stretch, 0.2)
    assert (frame.frame, frame.time_s, number_of(frame.pixels)) == (19, stretch[0], 19)
    assert (tally.wanted, tally.corrupt) == (1, 0)


def test_a_stretch_with_new_frames_does_not_get_the_one_before(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 22, times_ms=TIMES_MS)
    assert [(f.frame, f.time_s) for f in take_sample(path, 4.0, 5.05, 0.2)[0]] == [(20, 5.0)]


def test_within_the_last_frame_the_last_frame_is_shown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 20)
    assert [(f.frame, f.time_s) for f in take_sample(path, 1.95, 1.99)[0]] == [(19, 1.95)]
    assert take_sample(path, 2.0, 3.0)[0] == []


# --- check_stretch --------------------------------------------------------------------------------


def plan(start_s: float, end_s: float, step_s: float = 0.2) -> ClipFrames:
    return ClipFrames(Sampling(start_s, end_s, step_s, 640), 90)


def test_a_stretch_that_can_be_sampled_gives_no_problem(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 22, times_ms=TIMES_MS, g="5")
    for start_s, end_s in ((0.0, 5.2), (0.4, 1.6), (2.6, 4.0), (1.95, 1.99)):
        assert check_stretch(path, plan(start_s, end_s)) == ""
    still = tmp_path / "s.png"
    cv2.imwrite(str(still), numbered(1))
    assert check_stretch(still, plan(0, float("inf"))) == ""


def test_a_stretch_that_cannot_be_sampled_says_why(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    source = write_video(tmp_path / "v.mkv", noise, codec="ffv1", level="3", slicecrc="1", g="1")
    path = flip_bits(source, tmp_path / "bad.mkv", set(range(10, 20)))
    assert check_stretch(path, plan(0, 0.9)) == ""
    assert check_stretch(path, plan(1.0, 1.9)) == (
        "no frame can be decoded between 1 s and 1.9 s (2 damaged)"
    )
    assert check_stretch(path, plan(0.5, 1.5)) == "a frame between 0.5 s and 1.5 s is damaged"
    assert check_stretch(path, plan(4.0, 5.0)) == "the recording shows no frame between 4 s and 5 s"
    path.write_bytes(b"no video" * 100)
    assert check_stretch(path, plan(0, 1)).startswith("cannot be decoded (")
