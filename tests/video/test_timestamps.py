"""Timestamps that are equal, missing, repeated or jump back; and the player's clock."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from pipeline.video.probe import probe
from pipeline.video.unusable import UnusableError
from tests.support.making import number_of, numbered, take_sample, write_video
from tests.support.remuxing import remux, write_streams


def refusal(path: Path) -> str:
    with pytest.raises(UnusableError) as caught:
        probe(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_of_two_frames_with_one_timestamp_one_is_sampled(tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.mp4", 40, bf="0")
    path = remux(source, tmp_path / "pair.mkv", lambda n, time: time - 1024 * (n == 15))
    frames, tally = take_sample(path)
    assert [frame.frame for frame in frames] == [n for n in range(40) if n != 15]
    assert [number_of(frame.pixels) for frame in frames] == [frame.frame for frame in frames]
    assert len({frame.time_s for frame in frames}) == len(frames) == tally.wanted
    assert tally.corrupt == 0
    assert probe(path).frames == 40


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (lambda _n, _t: 0, "frames have the timestamp of another frame"),
        (lambda n, _t: n // 2 * 200, "20 of 40 frames have the timestamp of another frame"),
    ],
)
def test_timestamps_that_cannot_be_used_are_refused(
    tmp_path: Path, times: Callable[[int, int], int], expected: str
) -> None:
    source = write_video(tmp_path / "v.mkv", 40, codec="mjpeg")
    assert expected in refusal(remux(source, tmp_path / "bad.mkv", times))


def test_two_recordings_in_one_transport_stream_are_refused(tmp_path: Path) -> None:
    one = write_video(tmp_path / "one.ts", 40, g="12", bf="2").read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(one + write_video(tmp_path / "two.ts", 50, g="12", bf="2").read_bytes())
    assert "the timestamps jump back from" in refusal(path)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("v.h264", "libx264"), ("v.264", "libx264"), ("v.mjpeg", "mjpeg"), ("v.hevc", "libx265")],
)
def test_a_raw_stream_without_timestamps_is_refused(tmp_path: Path, name: str, codec: str) -> None:
    message = refusal(write_video(tmp_path / name, 20, codec=codec))
    assert "stream, without timestamps: its frame rate is not known" in message
    assert "MP4Box" in message


def test_a_raw_stream_that_states_its_frame_rate_is_sampled(tmp_path: Path) -> None:
    path = tmp_path / "v.m2v"
    with av.open(str(path), "w", format="mpeg2video") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for index in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(index), format="bgr24")))
        container.mux(stream.encode())
    assert (probe(path).duration_s, probe(path).frames) == (2.4, 60)
    frames, _ = take_sample(path)
    assert [frame.time_s for frame in frames] == pytest.approx([n / 25 for n in range(60)])
    assert [number_of(frame.pixels) for frame in take_sample(path, 2.1, 2.3)[0]] == [53, 54, 55, 56, 57]


# --- The player's clock ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.ts"])
def test_times_count_from_the_start_of_the_sound_if_it_starts_first(tmp_path: Path, name: str) -> None:
    path = write_streams(tmp_path / name, (64, 40, 1.0), sound_s=5)
    info = probe(path)
    assert info.duration_s == pytest.approx(5, abs=0.15)
    assert (info.fps, info.frames) == (pytest.approx(10, abs=0.01), 40)
    frames, _ = take_sample(path, 2.5, 3.0)
    assert [frame.time_s for frame in frames] == pytest.approx([2.5, 2.6, 2.7, 2.8, 2.9], abs=0.13)
    numbers = [number_of(frame.pixels) for frame in frames]
    assert numbers == [frame.frame for frame in frames]
    assert numbers[0] in (15, 14)  # a transport stream starts with the priming samples of the sound
    assert take_sample(path, 0, 0.5)[0] == []


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.mov", "v.webm", "v.avi"])
def test_sound_that_starts_with_the_picture_changes_nothing(tmp_path: Path, name: str) -> None:
    """Its priming samples have negative timestamps, and are not played."""
    if name.endswith("webm"):
        path = write_video(tmp_path / name, 30, codec="libvpx")
    else:
        path = write_streams(tmp_path / name, (64, 30, 0.0), sound_s=3)
    assert [frame.time_s for frame in take_sample(path)[0]] == [n / 10 for n in range(30)]
    assert probe(path).duration_s == 3.0
