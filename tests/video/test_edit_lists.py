"""Edit lists: what a phone, QuickTime or LosslessCut trims stays in the file, hidden."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.video.probe import probe
from pipeline.video.unusable import UnusableError
from tests.support.making import damage, decode_all, number_of, take_sample, write_video
from tests.support.remuxing import cut, remux, set_edits

EDITS = {
    "trim_start": [(1.3, 4.7)],
    "trim_end": [(0.0, 3.2)],
    "trim_both": [(1.3, 3.0)],
    "two": [(0.0, 1.5), (4.0, 1.5)],
    "swapped": [(4.0, 1.5), (0.5, 1.5)],
    "repeated": [(1.0, 1.5), (1.0, 1.5)],
}


@pytest.fixture(params=EDITS)
def trimmed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[tuple[float, float]]]:
    # With B-frames, FFmpeg itself shows the frames after a cut back one frame late.
    path = write_video(tmp_path / "v.mp4", 60, g="12", bf="0" if request.param == "swapped" else "2")
    return set_edits(path, *EDITS[request.param]), EDITS[request.param]


def test_the_visible_stretches_are_sampled_as_ffmpeg_shows_them(
    trimmed: tuple[Path, list[tuple[float, float]]],
) -> None:
    path, edits = trimmed
    expected = [round(start * 10) + n for start, length in edits for n in range(round(length * 10))]
    frames, tally = take_sample(path)
    assert [number_of(frame.pixels) for frame in frames] == expected
    assert [frame.frame for frame in frames] == list(range(len(expected)))
    assert [frame.time_s for frame in frames] == pytest.approx([n / 10 for n in range(len(expected))])
    assert (tally.wanted, tally.corrupt) == (len(expected), 0)
    plain = decode_all(path)
    assert len(plain) == len(frames)
    assert all(np.array_equal(frame.pixels, plain[frame.frame]) for frame in frames)


def test_probing_counts_what_is_visible(trimmed: tuple[Path, list[tuple[float, float]]]) -> None:
    path, edits = trimmed
    info = probe(path)
    count = sum(round(length * 10) for _, length in edits)
    assert (info.frames, info.duration_s, info.cut_off) == (count, pytest.approx(count / 10), "")


def test_a_stretch_reached_later_has_the_same_frames(
    trimmed: tuple[Path, list[tuple[float, float]]],
) -> None:
    whole = {frame.frame: frame for frame in take_sample(trimmed[0])[0]}
    frames, _ = take_sample(trimmed[0], 2.3, 2.9, 0.2)
    assert len(frames) == 3
    assert all(np.array_equal(frame.pixels, whole[frame.frame].pixels) for frame in frames)


def test_a_truncated_copy_of_a_trimmed_recording_is_refused(tmp_path: Path) -> None:
    path = set_edits(write_video(tmp_path / "v.mp4", 60, g="12"), (1.3, 4.0))
    front = remux(path, tmp_path / "front.mp4", movflags="faststart")
    with pytest.raises(UnusableError, match=r"truncated: the file has \d+ of its \d+ frames"):
        probe(cut(front, 0.7))


def test_damage_in_a_hidden_frame_is_counted_in_the_visible_ones(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    path = set_edits(write_video(tmp_path / "v.mp4", noise, g="40", bf="0", sc_threshold="0"), (1.0, 3.0))
    damage(path, 0.1, 0.15)
    frames, tally = take_sample(path)
    assert tally.wanted == 30 == len(frames) + tally.corrupt
    assert tally.corrupt >= 25
