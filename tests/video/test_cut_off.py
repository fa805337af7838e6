"""Recordings that a crash or a full card cut off."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.video.info import VideoInfo
from pipeline.video.probe import probe
from tests.support.making import take_sample, write_video
from tests.support.remuxing import cut, remux, write_streams

KINDS = {
    "v.mkv": ("libx264", {"g": "10"}),
    "v.webm": ("libvpx", {"g": "10"}),
    "v.avi": ("mjpeg", {}),
    "v.flv": ("flv", {"g": "10"}),
    "v.ts": ("libx264", {"g": "10"}),
    "v.m2ts": ("libx264", {"g": "10"}),
    "fragments.mp4": ("libx264", {"g": "10"}),
}


def written(folder: Path, name: str) -> Path:
    """Write nine seconds of noise, whose frames have about the same number of bytes."""
    noise = np.random.default_rng(0).integers(0, 255, (90, 64, 64, 3), np.uint8)
    codec, options = KINDS[name]
    if name != "fragments.mp4":
        return write_video(folder / name, noise, codec=codec, **options)
    source = write_video(folder / "whole.mp4", noise, codec=codec, **options)
    return remux(source, folder / name, movflags="frag_keyframe+empty_moov")


@pytest.mark.parametrize("name", KINDS)
def test_a_complete_recording_has_no_note(tmp_path: Path, name: str) -> None:
    assert (probe(written(tmp_path, name)).cut_off, probe(tmp_path / name).notes) == ("", ())


@pytest.mark.parametrize("name", KINDS)
def test_what_is_left_of_a_recording_is_used_with_a_note(tmp_path: Path, name: str) -> None:
    path = cut(written(tmp_path, name), 0.55)
    info = probe(path)
    assert 4 < info.duration_s < 6
    if name in ("v.ts", "v.m2ts", "fragments.mp4"):  # their headers do not state a duration
        expected = f"cut off after {info.duration_s:.4g} s, within a frame; how much is missing is not known"
    else:
        expected = f"{info.duration_s:.4g} of 9 s are there: the recording is cut off"
    assert (info.cut_off, info.notes) == (expected, (expected,))
    frames, tally = take_sample(path)
    assert 40 <= len(frames) <= tally.wanted == info.frames
    assert tally.corrupt <= 1
    later, tally = take_sample(path, 2.3, 3.3, 0.5)
    assert ([frame.frame for frame in later], tally.corrupt) == ([23, 28], 0)


def test_a_header_without_a_duration_gives_no_note(tmp_path: Path) -> None:
    """Browsers (MediaRecorder) write WebM as a stream."""
    source = write_video(tmp_path / "v.mp4", 40, bf="0")
    path = remux(source, tmp_path / "live.mkv", format_name="matroska", live="1")
    info: VideoInfo = probe(path)
    assert (info.duration_s, info.cut_off) == (4.0, "")


def test_sound_that_goes_on_after_the_picture_is_no_cut(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "v.mkv", (64, 30, 0.0), sound_s=6)
    info = probe(path)
    assert (info.duration_s, info.cut_off) == (3.0, "")
