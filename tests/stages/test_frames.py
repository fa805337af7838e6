import math
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import decode_colour
from pipeline.runtime.parquet import read_parquet
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.clips import Clip
from pipeline.schema.frames import FRAMES_SCHEMA
from pipeline.stages import frames
from pipeline.video.clip_frames import ClipFrames, FramesParams, plan_clip, write_frames, write_shard
from pipeline.video.decode import Sampling
from pipeline.video.unusable import UnusableError
from tests.support.making import (
    clip,
    clip_of,
    damage,
    enrol,
    number_of,
    numbered,
    person,
    run_module,
    set_params,
    turn,
    write_video,
)

PARAMS = FramesParams(
    fps=5.0,
    trim_start_s=0.4,
    trim_end_s=0.4,
    apex_window_s=1.0,
    max_per_clip=200,
    max_side=640,
    jpeg_quality=92,
)


# --- plan_clip ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ((None, None), (0.4, 9.6)),  # the whole video of 10 s, less both trims
        ((0.0, None), (0.0, 10.0)),
        ((2.0, None), (2.0, 10.0)),
        ((None, 5.0), (0.0, 5.0)),
        ((2.0, 5.0), (2.0, 5.0)),
        ((2.0, 50.0), (2.0, 10.0)),  # the video ends first
    ],
)
def test_only_whole_recordings_are_trimmed(
    segment: tuple[float | None, float | None], expected: tuple[float, float]
) -> None:
    sampling = plan_clip(clip(duration_s=10.0, start_s=segment[0], end_s=segment[1]), PARAMS).sampling
    assert (sampling.start_s, sampling.end_s) == pytest.approx(expected)
    assert (sampling.step_s, sampling.max_side) == (0.2, 640)


def test_too_many_frames_are_spread_evenly(tmp_path: Path) -> None:
    params = replace(PARAMS, trim_start_s=0, trim_end_s=0, max_per_clip=7)
    for fps, count in ((10, 45), (30, 131)):
        path = write_video(tmp_path / f"{fps}.mp4", count, fps=fps)
        write_frames(path, plan_clip(clip_of("c", path), params), tmp_path / "c.parquet")
        times = read_parquet(tmp_path / "c.parquet", FRAMES_SCHEMA).column("time_s").to_numpy()
        assert len(times) == 7
        # At 0, 1/7, 2/7 ... of the clip, each at most one frame late.
        late = times - np.arange(7) * count / fps / 7
        assert late.min() >= -0.001
        assert late.max() <= 1 / fps


@pytest.mark.parametrize(
    ("duration_s", "expected"), [(1.6, (0.4, 1.2)), (0.8, (0.2, 0.6)), (0.2, (0.05, 0.15))]
)
def test_each_trim_is_at_most_a_quarter_of_the_recording(
    duration_s: float, expected: tuple[float, float]
) -> None:
    sampling = plan_clip(clip(duration_s=duration_s), PARAMS).sampling
    assert (sampling.start_s, sampling.end_s) == pytest.approx(expected)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 9])
def test_at_least_one_frame_of_a_short_recording_is_sampled(tmp_path: Path, count: int) -> None:
    path = write_video(tmp_path / "v.mp4", count, fps=10)
    plan = plan_clip(clip_of("c", path), replace(PARAMS, trim_start_s=10.0, trim_end_s=10.0))
    assert write_frames(path, plan, tmp_path / "c.parquet").wanted >= 1


def test_a_recording_that_is_not_longer_than_both_trims_keeps_its_middle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 6, fps=10)  # 0.6 s; the trims are 0.15 s each
    write_frames(path, plan_clip(clip_of("c", path), replace(PARAMS, fps=10.0)), tmp_path / "c.parquet")
    times = read_parquet(tmp_path / "c.parquet", FRAMES_SCHEMA).column("time_s").to_pylist()
    assert times == pytest.approx([0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"start_s": 3.0},
            "start_s 3 of clip c1 is not before the end of raw/videos/c1.mp4 (2 s)",
        ),
        (
            {"apex_s": 2.0},
            "apex_s 2 of clip c1 is not before the end of raw/videos/c1.mp4 (2 s)",
        ),
    ],
)
def test_a_clip_beyond_the_end_of_its_recording(values: dict[str, float], words: str) -> None:
    with pytest.raises(EmoError) as caught:
        plan_clip(clip(**values), PARAMS)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("values", "window_s", "expected"),
    [
        ({"apex_s": 5.0}, 1.0, (4.6, 5.5)),  # samples at 4.6, 4.8, 5.0, 5.2 and 5.4 s
        ({"apex_s": 0.1}, 1.0, (0.1, 0.6)),  # the clip starts less than a step before
        ({"apex_s": 9.9}, 1.0, (9.5, 10.0)),
        ({"apex_s": 5.0, "start_s": 4.9, "end_s": 5.2}, 1.0, (5.0, 5.2)),
        ({"apex_s": 5.0}, 0.01, (5.0, 5.05)),  # as long as a frame of 10 frames/s
        ({"apex_s": 5.0}, 4.0, (3.0, 7.0)),
    ],
)
def test_a_clip_with_an_apex_is_sampled_around_it_without_trims(
    values: dict[str, float], window_s: float, expected: tuple[float, float]
) -> None:
    sampling = plan_clip(clip(duration_s=10.0, **values), replace(PARAMS, apex_window_s=window_s)).sampling
    assert (sampling.start_s, sampling.end_s) == pytest.approx(expected)


def test_the_apex_is_one_of_the_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 40, fps=10)
    plan = plan_clip(replace(clip_of("c", path), apex_s=1.7), PARAMS)
    write_frames(path, plan, tmp_path / "c.parquet")
    times = read_parquet(tmp_path / "c.parquet", FRAMES_SCHEMA).column("time_s").to_pylist()
    assert times == pytest.approx([1.3, 1.5, 1.7, 1.9, 2.1])


def test_frames_around_an_apex_are_spread_too(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 40, fps=10)
    params = replace(PARAMS, apex_window_s=2.0, max_per_clip=3)
    plan = plan_clip(replace(clip_of("c", path), apex_s=2.0), params)
    assert write_frames(path, plan, tmp_path / "c.parquet").wanted == 3


def test_a_still_is_one_frame_at_0_s_and_is_not_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "s.png"
    cv2.imwrite(str(path), numbered(7))
    still = clip("s", video="s.png", frames=1, fps=0.0, duration_s=0.0)
    tally = write_frames(path, plan_clip(still, PARAMS), tmp_path / "s.parquet")
    [row] = read_parquet(tmp_path / "s.parquet", FRAMES_SCHEMA).to_pylist()
    assert (row["frame"], row["time_s"], tally.wanted, tally.corrupt) == (0, 0.0, 1, 0)
    assert number_of(decode_colour(row["jpeg"])) == 7


def test_a_photo_of_usual_size_gives_its_frame(tmp_path: Path) -> None:
    photo = tmp_path / "AF01ANS.JPG"
    noise = np.random.default_rng(1).integers(0, 256, (762, 562, 3), np.uint8)
    photo.write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
    plan = plan_clip(clip(duration_s=0.0, fps=0.0, frames=1), PARAMS)
    assert write_frames(photo, plan, tmp_path / "s.parquet").wanted == 1
    [row] = read_parquet(tmp_path / "s.parquet", FRAMES_SCHEMA).to_pylist()
    assert decode_colour(row["jpeg"]).shape == (640, 472, 3)


def test_ranges_of_the_params() -> None:
    for name, value in (("fps", 0.0), ("fps", math.nan), ("trim_start_s", -1), ("max_per_clip", 0),
                        ("apex_window_s", 0.0),
                        ("max_side", 10), ("jpeg_quality", 101)):  # fmt: skip
        with pytest.raises(ValueError, match=f"{name}: .* is not within"):
            replace(PARAMS, **{name: value})


# --- write_frames ---------------------------------------------------------------------------------


def test_a_shard_holds_the_sampled_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [numbered(i, 96, 64) for i in range(20)])
    tally = write_frames(path, plan_clip(clip_of("c", path), PARAMS), tmp_path / "c.parquet")
    rows = read_parquet(tmp_path / "c.parquet", FRAMES_SCHEMA).to_pylist()
    assert [row["frame"] for row in rows] == [4, 6, 8, 10, 12, 14]  # 0.4 .. 1.6 s of 10 frames/s, every 0.2 s
    assert [row["time_s"] for row in rows] == pytest.approx([0.4, 0.6, 0.8, 1.0, 1.2, 1.4])
    pictures = [decode_colour(row["jpeg"]) for row in rows]
    assert [number_of(picture) for picture in pictures] == [4, 6, 8, 10, 12, 14]
    assert pictures[0].shape == (64, 96, 3)
    assert (tally.wanted, tally.corrupt) == (6, 0)
    assert read_facts(tmp_path / "c.parquet") == {
        "corrupt": 0,
        "height": 64,
        "recording": sha256(path),
        "width": 96,
    }


def test_the_facts_are_of_the_upright_source(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [numbered(i, 128, 64) for i in range(20)])
    turn(path, 90)
    write_frames(path, plan_clip(clip_of("c", path), replace(PARAMS, max_side=64)), tmp_path / "c.parquet")
    assert read_facts(tmp_path / "c.parquet") == {
        "corrupt": 0,
        "height": 128,
        "recording": sha256(path),
        "width": 64,
    }
    row = read_parquet(tmp_path / "c.parquet", FRAMES_SCHEMA).to_pylist()[0]
    assert decode_colour(row["jpeg"]).shape == (64, 32, 3)


def test_frames_are_written_in_groups(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 70)
    write_frames(path, ClipFrames(Sampling(0, 7, 0.1, 640), 90), tmp_path / "c.parquet")
    groups = pq.ParquetFile(tmp_path / "c.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [64, 6]


def test_a_recording_without_an_intact_frame(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), np.uint8)
    path = write_video(tmp_path / "v.mp4", noise)
    plan = plan_clip(clip_of("c", path), PARAMS)
    damage(path, 0.0, 1.0)
    problem = "no frame can be decoded between 0.4 s and 1.6 s (6 damaged)"
    with pytest.raises(UnusableError) as caught:
        write_frames(path, plan, tmp_path / "c.parquet")
    assert caught.value.finding == problem
    write_shard(path, plan, tmp_path / "c.parquet")
    assert read_parquet(tmp_path / "c.parquet", FRAMES_SCHEMA).num_rows == 0
    facts = {"corrupt": 6, "height": 0, "recording": plan.recording, "width": 0, "problem": problem}
    assert read_facts(tmp_path / "c.parquet") == facts


def test_an_error_of_the_disk_is_no_problem_of_the_recording(tmp_path: Path) -> None:
    plan = ClipFrames(Sampling(0, 1, 0.1, 640), 90)
    with pytest.raises(OSError, match="missing"):
        write_shard(tmp_path / "missing.mp4", plan, tmp_path / "c.parquet")


# --- The stage ------------------------------------------------------------------------------------


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Clip]:
    """Four enrolled clips in a project in the current folder: two halves of one video, and two others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMO_CACHE", raising=False)
    monkeypatch.setenv("EMO_WORKERS", "1")
    set_params()
    videos = [write_video(Path("raw/videos") / f"v{n}.mp4", 40, crf=str(20 + n)) for n in range(3)]
    found = [
        clip_of("first", videos[0], end_s=2.0),
        clip_of("second", videos[0], start_s=2.0, expression="sad"),
        clip_of("other", videos[1]),
        clip_of("last", videos[2], subject="S2"),
    ]
    enrol([person("S1"), person("S2", enrolled=2)], found)
    return found


def shards() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(Path("data/frames").iterdir())}


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_bytes(
    clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for workers in ("1", "2"):
        monkeypatch.setenv("EMO_WORKERS", workers)
        monkeypatch.setenv("EMO_CACHE", f"cache{workers}")
        frames.main()
        found.append(shards())
    assert found[0] == found[1]
    assert set(found[0]) == {clip.clip for clip in clips}


def test_a_bad_clip_gets_an_empty_shard_and_a_warning_and_the_others_are_complete(
    clips: list[Clip], caplog: pytest.LogCaptureFixture
) -> None:
    path = Path("raw/videos/v1.mp4")
    damage(path, 0.0, 1.0)
    broken = clip("other", video="v1.mp4", sha256=sha256(path), duration_s=4.0)
    late = clip_of("late", write_video(Path("raw/videos/late.mp4"), 12), start_s=9.0)
    enrol([person("S1"), person("S2", enrolled=2)], [*clips[:2], broken, clips[3], late])
    frames.main()
    rows = {p.stem: pq.read_metadata(p).num_rows for p in Path("data/frames").iterdir()}
    assert {name for name, count in rows.items() if not count} == {"other", "late"}
    assert set(rows) == {"first", "second", "last", "other", "late"}
    facts = read_facts(Path("data/frames/late.parquet"))
    assert (facts["corrupt"], facts["width"], facts["recording"]) == (0, 0, late.sha256)
    assert "start_s 9 of clip late is not before the end" in facts["problem"]
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert [line.partition(":")[0] for line in warnings] == ["clip late", "clip other"]
    assert warnings[1].startswith("clip other: raw/videos/v1.mp4: ")
    assert warnings[1].endswith(
        "; replace the recording, or exclude the clip with `emo exclude other --reason ...`"
    )


def test_a_problem_is_cached_and_reported_again(clips: list[Clip], caplog: pytest.LogCaptureFixture) -> None:
    damage(Path("raw/videos/v1.mp4"), 0.0, 1.0)
    broken = clip("other", video="v1.mp4", sha256=sha256(Path("raw/videos/v1.mp4")), duration_s=4.0)
    enrol([person("S1")], [clips[0], broken])
    for computed in ("2 clips computed, 0 unchanged", "0 clips computed, 2 unchanged"):
        caplog.clear()
        caplog.set_level("INFO", "emo.stage")
        frames.main()
        assert computed in caplog.text
        assert "clip other: raw/videos/v1.mp4: " in caplog.text


def test_participants_who_withdrew_are_left_out(clips: list[Clip]) -> None:
    enrol([person("S1"), person("S2", enrolled=2, consent="withdrawn")], clips)
    frames.main()
    assert set(shards()) == {"first", "second", "other"}


@pytest.mark.usefixtures("clips")
def test_recordings_that_are_missing_or_replaced() -> None:
    Path("raw/videos/v1.mp4").write_bytes(b"something else")
    with pytest.raises(EmoError, match=r"raw/videos/v1\.mp4: not the recording that was enrolled as other"):
        frames.main()
    Path("raw/videos/v1.mp4").unlink()
    with pytest.raises(EmoError, match=r"v1\.mp4: no such file \(1 of 3 recordings missing\)"):
        frames.main()


@pytest.mark.usefixtures("clips")
def test_no_clips() -> None:
    enrol([], [])
    with pytest.raises(EmoError, match="no clips yet"):
        frames.main()


@pytest.mark.slow
@pytest.mark.usefixtures("clips")
def test_as_a_program_it_ends_with_one_line_and_code_1(tmp_path: Path) -> None:
    Path("raw/videos/v1.mp4").unlink()
    done = run_module("pipeline.stages.frames", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: raw/videos/v1.mp4: no such file (1 of 3 recordings missing); run `dvc checkout` or "
        "`dvc pull`\n"
    )


# --- A full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB; skipped if none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_gives_one_line_and_keeps_what_is_finished(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    set_params(frames={"fps": 10.0, "trim_start_s": 0, "trim_end_s": 0})
    noise = np.random.default_rng(0).integers(0, 255, (10, 96, 96, 3), np.uint8)
    videos = [write_video(Path("raw/videos") / f"v{n}.mp4", noise[: 10 - n]) for n in range(6)]
    enrol([person("S1")], [clip_of(f"c{n}", video) for n, video in enumerate(videos)])
    done = run_module("pipeline.stages.frames", tmp_path, EMO_CACHE=str(small_disk), EMO_WORKERS="1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device; free some space" in done.stderr
    finished = sorted(small_disk.glob("frames/*.parquet"))
    assert 1 <= len(finished) < 6
    assert all(read_parquet(path, FRAMES_SCHEMA).num_rows for path in finished)
    assert not list(small_disk.glob("frames/.*"))
