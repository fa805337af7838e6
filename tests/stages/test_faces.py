import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.faces import clip_faces
from pipeline.faces.clip_faces import StoredFrames, write_faces
from pipeline.faces.crop import cut_square
from pipeline.faces.detectors.whole_frame import WholeFrameSettings
from pipeline.faces.params import FacesParams
from pipeline.faces.perceptual_hash import perceptual_hash
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import as_grey, decode_colour, decode_grey
from pipeline.runtime.params import load_params
from pipeline.runtime.parquet import read_parquet
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.faces import FACES_SCHEMA
from pipeline.stages import faces
from pipeline.video.clip_frames import ClipFrames, UnusableClip, write_frames, write_shard
from pipeline.video.decode import Sampling
from tests.support.making import TOP, drawn_face, set_params, write_video

PARAMS = load_params("faces", FacesParams, TOP / "params.yaml")
STEP_PX = 6


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of frames: `moving`, a face that moves 6 pixels to the right a frame, and `empty`."""
    folder = tmp_path_factory.mktemp("faces")
    drawn = [drawn_face((130 + STEP_PX * i, 120)) for i in range(8)]
    background = np.full_like(drawn[0], 90)
    shards = folder / "data/frames"
    shards.mkdir(parents=True)
    for name, shown in (("moving", [*drawn, background]), ("empty", [background] * 4)):
        video = write_video(folder / f"{name}.mp4", shown)
        write_frames(video, ClipFrames(Sampling(0, 9, 0.1, 160), 92), shards / f"{name}.parquet")
    return shards


def found(source: Path, target: Path, params: FacesParams = PARAMS) -> list[dict[str, object]]:
    write_faces(source, params, target)
    return read_parquet(target, FACES_SCHEMA).to_pylist()


def test_a_row_for_every_frame_and_the_box_in_source_pixels(frames: Path, tmp_path: Path) -> None:
    rows = found(frames / "moving.parquet", tmp_path / "f.parquet")
    assert [row["frame"] for row in rows] == list(range(9))
    assert [row["status"] for row in rows] == ["ok"] * 8 + ["no_face"]
    assert (rows[8]["png"], rows[8]["hash"]) == (b"", b"")
    assert [rows[8][name] for name in ("x", "sharpness")] == [None, None]
    # The stored frames are half as large as the video, 320 pixels wide, in which the face was drawn.
    centres = [row["x"] + row["w"] / 2 for row in rows[:8]]
    assert centres == pytest.approx([130 + STEP_PX * i for i in range(8)], abs=6)
    assert all(80 < row["w"] < 140 and row["w"] == row["h"] for row in rows[:8])
    assert read_facts(tmp_path / "f.parquet") == {
        "corrupt": 0,
        "height": 240,
        "recording": "",
        "width": 320,
    }


def test_a_clip_without_frames_keeps_its_problem(tmp_path: Path) -> None:
    source, target = tmp_path / "frames.parquet", tmp_path / "faces.parquet"
    write_shard(tmp_path / "v.mp4", UnusableClip("the trims leave nothing", "ab12"), source)
    assert found(source, target) == []
    assert read_facts(target) == {
        "corrupt": 0,
        "height": 0,
        "problem": "the trims leave nothing",
        "recording": "ab12",
        "width": 0,
    }


def test_crops_are_square_grey_or_colour(frames: Path, tmp_path: Path) -> None:
    for colour, shape in (("grey", (32, 32)), ("colour", (32, 32, 3))):
        params = replace(PARAMS, crop=replace(PARAMS.crop, colour=colour, side_px=32))
        row = found(frames / "moving.parquet", tmp_path / "f.parquet", params)[0]
        png = row["png"]
        assert isinstance(png, bytes)
        assert (decode_colour if colour == "colour" else decode_grey)(png).shape == shape
        grey = decode_grey(png) if colour == "grey" else as_grey(decode_colour(png))
        assert row["hash"] == perceptual_hash(grey).tobytes()


def test_blurred_faces_keep_their_box_but_give_no_image(frames: Path, tmp_path: Path) -> None:
    rows = found(frames / "moving.parquet", tmp_path / "f.parquet")
    sharpness = sorted(float(str(row["sharpness"])) for row in rows[:8])
    params = replace(PARAMS, crop=replace(PARAMS.crop, min_sharpness=sharpness[4]))
    again = found(frames / "moving.parquet", tmp_path / "f.parquet", params)
    assert [row["status"] for row in again].count("blurred") == 4
    for row in again:
        if row["status"] == "blurred":
            assert row["x"] is not None
            assert row["png"] == b""


WHOLE_FRAME = replace(PARAMS, detector="whole_frame", settings=WholeFrameSettings())


def test_whole_frames_are_faces_without_a_margin(frames: Path, tmp_path: Path) -> None:
    params = replace(WHOLE_FRAME, crop=replace(PARAMS.crop, side_px=32, margin=0.5))
    rows = found(frames / "empty.parquet", tmp_path / "f.parquet", params)
    assert [row["status"] for row in rows] == ["ok"] * 4
    place = tuple(rows[0][name] for name in ("x", "y", "w", "h", "score"))
    assert place == (0.0, 0.0, 320.0, 240.0, 0.0)  # pixels of the recording
    png = rows[0]["png"]
    assert isinstance(png, bytes)
    whole = StoredFrames(frames / "empty.parquet")[0]
    without_margin = replace(params.crop, margin=0.0)
    assert np.array_equal(decode_grey(png), cut_square(whole, (0, 0, 160, 120), without_margin))


def test_the_stage_warns_of_whole_frames_of_videos(
    frames: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(frames.parents[1])
    set_params(faces={"detector": "whole_frame"})
    monkeypatch.setenv("EMO_CACHE", "cache_whole")
    monkeypatch.setenv("EMO_WORKERS", "1")
    faces.main()
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "2 clips are video (empty, moving)" in warning
    assert "faces: detector: haar" in warning


def test_an_unknown_detector_is_named(frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(frames.parents[1])
    set_params(faces={"detector": "yolo"})
    with pytest.raises(
        EmoError, match=r"params\.yaml: faces: detector: 'yolo' is not one of haar, whole_frame"
    ):
        faces.main()


def test_a_clip_without_a_face(frames: Path, tmp_path: Path) -> None:
    rows = found(frames / "empty.parquet", tmp_path / "f.parquet")
    assert [row["status"] for row in rows] == ["no_face"] * 4


def test_stored_frames_are_read_group_by_group(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", 70)
    write_frames(video, ClipFrames(Sampling(0, 7, 0.1, 64), 92), tmp_path / "v.parquet")
    stored = StoredFrames(tmp_path / "v.parquet")
    whole = pq.read_table(tmp_path / "v.parquet").column("jpeg").to_pylist()
    assert len(stored) == 70
    assert [stored.jpeg(i) for i in (69, 0, 31, 32, 63, 64)] == [whole[i] for i in (69, 0, 31, 32, 63, 64)]
    assert stored[5].shape == (64, 64)
    for index in (-1, 70):
        with pytest.raises(IndexError):
            stored[index]


def test_decoded_frames_are_kept_up_to_a_bound_and_freed_with_the_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker processes hundreds of clips; until a garbage collection, it would hold many of them."""
    monkeypatch.setattr(clip_faces, "_KEPT", 5)
    video = write_video(tmp_path / "v.mp4", 12)
    write_frames(video, ClipFrames(Sampling(0, 9, 0.1, 64), 92), tmp_path / "v.parquet")
    gc.disable()
    try:
        stored = StoredFrames(tmp_path / "v.parquet")
        decoded = [weakref.ref(stored[i]) for i in range(12)]
        assert [frame() is not None for frame in decoded] == [False] * 7 + [True] * 5
        assert stored[11] is decoded[11]()
        gone = weakref.ref(stored)
        del stored
        assert gone() is None
        assert [frame() for frame in decoded] == [None] * 12
    finally:
        gc.enable()


@pytest.mark.slow
def test_the_stage_gives_the_same_bytes_for_any_number_of_workers(
    frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(frames.parents[1])
    set_params()
    results = []
    for workers in ("1", "2"):
        monkeypatch.setenv("EMO_WORKERS", workers)
        monkeypatch.setenv("EMO_CACHE", f"cache{workers}")
        faces.main()
        results.append({path.name: path.read_bytes() for path in Path("data/faces").iterdir()})
    assert results[0] == results[1]
    assert set(results[0]) == {"moving.parquet", "empty.parquet"}
