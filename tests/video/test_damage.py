"""Damage within a recording is counted, by codec as far as it can be known."""

import logging
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.video.clip_frames import ClipFrames, write_frames
from pipeline.video.decode import Sampling
from pipeline.video.unusable import UnusableError
from tests.support.making import take_sample, write_video
from tests.support.remuxing import flip_bits

REPORTED = {
    "vp9.webm": ("libvpx-vp9", {"g": "25", "deadline": "realtime", "b": "600k"}),
    "av1.mkv": ("libsvtav1", {"g": "25", "preset": "12"}),
    "wmv.wmv": ("wmv1", {"g": "25"}),
    "mpeg4.avi": ("mpeg4", {"g": "25"}),
    "flv1.flv": ("flv", {"g": "25"}),
    "ffv1.mkv": ("ffv1", {"level": "3", "slicecrc": "1", "g": "1"}),
}


def panorama() -> list[np.ndarray]:
    """Return 50 frames of a textured scene that moves, so that every frame has data to be damaged."""
    texture = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    scene = cv2.resize(texture, (160, 120), interpolation=cv2.INTER_CUBIC)
    return [np.roll(scene, index * 3, axis=1) for index in range(50)]


@pytest.mark.parametrize("name", REPORTED)
def test_no_frame_that_damage_reaches_is_sampled(tmp_path: Path, name: str) -> None:
    codec, options = REPORTED[name]
    source = write_video(tmp_path / name, panorama(), fps=25, codec=codec, **options)
    whole = {frame.frame: frame.pixels for frame in take_sample(source)[0]}
    assert len(whole) == 50
    path = flip_bits(source, tmp_path / f"bad_{name}", {30})
    frames, tally = take_sample(path)
    assert (tally.wanted, tally.corrupt) == (50, 50 - len(frames))
    assert tally.corrupt >= 1
    assert 30 not in {frame.frame for frame in frames}
    assert all(np.array_equal(frame.pixels, whole[frame.frame]) for frame in frames)


def test_messages_of_a_decoder_are_heard_but_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    codec, options = REPORTED["ffv1.mkv"]
    source = write_video(tmp_path / "v.mkv", panorama(), fps=25, codec=codec, **options)
    path = flip_bits(source, tmp_path / "bad.mkv", {3, 7, 9})
    _, tally = take_sample(path)
    assert tally.corrupt == 3
    assert capfd.readouterr() == ("", "")
    assert av.logging.get_level() is None
    assert logging.getLogger("libav").handlers


def test_a_frame_whose_packet_is_incomplete_is_damaged(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi", panorama(), fps=25, codec="mjpeg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, tally = take_sample(path)
    assert (len(frames), tally.corrupt) == (tally.wanted - 1, 1)


def test_a_recording_without_an_intact_frame_says_so(tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.webm", panorama(), fps=25, codec="libvpx-vp9", g="50")
    path = flip_bits(source, tmp_path / "bad.webm", {0})
    with pytest.raises(UnusableError) as caught:
        write_frames(path, ClipFrames(Sampling(0, 2, 0.5, 640), 90), tmp_path / "c.parquet")
    assert caught.value.finding == "no frame can be decoded between 0 s and 2 s (4 damaged)"
