import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.faces.clip_faces import StoredFrames, write_faces
from pipeline.faces.crop import cut_square
from pipeline.faces.params import FacesParams
from pipeline.faces.perceptual_hash import perceptual_hash
from pipeline.runtime.image_codec import as_grey, decode_colour, decode_grey
from pipeline.runtime.params import load_params
from pipeline.runtime.parquet import read_parquet
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.faces import FACES_SCHEMA
from pipeline.stages import faces
from pipeline.video.clip_frames import ClipFrames, write_frames
from pipeline.video.decode import Sampling
from tests.support.making import TOP, drawn_face, set_params, write_video

PARAMS = load_params("faces", FacesParams, TOP / "params.yaml")
STEP_PX = 6


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of frames: `moving`, a face that moves 6 pixels to the right a frame, and `empty`."""
    folder = tmp_path_factory.mktemp("faces")
    pictures = [drawn_face((130 + STEP_PX * i, 120)) for i in range(8)]
    background = np.full_like(pictures[0], 90)
    shards = folder / "data/frames"
    shards.mkdir(parents=True)
    for name, shown in (("moving", [*pictures, background]), ("empty", [background] * 4)):
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


def test_without_a_detector_whole_pictures_are_faces(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "track", None)  # nobody searches
    crop = replace(PARAMS.crop, side_px=32, margin=0.5)
    rows = found(
        frames / "empty.parquet", tmp_path / "f.parquet", replace(PARAMS, detector="none", crop=crop)
    )
    assert [row["status"] for row in rows] == ["ok"] * 4
    assert [(row["x"], row["y"], row["w"], row["h"], row["score"]) for row in rows[:1]] == [
        (0.0, 0.0, 320.0, 240.0, 0.0)
    ]
    png = rows[0]["png"]
    assert isinstance(png, bytes)
    whole = StoredFrames(frames / "empty.parquet")[0]
    assert np.array_equal(decode_grey(png), cut_square(whole, (0, 0, 160, 120), replace(crop, margin=0.0)))
    with pytest.raises(ValueError, match="detector: 'yolo' is not one of haar, none"):
        replace(PARAMS, detector="yolo")


def test_videos_that_are_taken_whole_are_told(
    frames: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(frames.parents[1])
    set_params(faces={"detector": "none"})
    monkeypatch.setenv("EMO_MEMO", "memo_none")
    faces.main()
    assert "takes the frames of 2 clips of video whole, as if they were faces (empty, moving)" in (
        capsys.readouterr().out
    )


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


def test_decoded_frames_are_kept_up_to_a_bound_and_go_with_the_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker does hundreds of clips: waiting for the garbage collector, it would hold many of them."""
    monkeypatch.setattr(faces, "_KEPT", 5)
    video = write_video(tmp_path / "v.mp4", 12)
    write_frames(video, ClipFrames(Sampling(0, 9, 0.1, 64), 92), tmp_path / "v.parquet")
    gc.disable()
    try:
        stored = StoredFrames(tmp_path / "v.parquet")
        pictures = [weakref.ref(stored[i]) for i in range(12)]
        assert [picture() is not None for picture in pictures] == [False] * 7 + [True] * 5
        assert stored[11] is pictures[11]()
        gone = weakref.ref(stored)
        del stored
        assert gone() is None
        assert [picture() for picture in pictures] == [None] * 12
    finally:
        gc.enable()


def test_the_stage_gives_the_same_bytes_for_any_number_of_workers(
    frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(frames.parents[1])
    set_params()
    results = []
    for workers in ("1", "2"):
        monkeypatch.setenv("EMO_WORKERS", workers)
        monkeypatch.setenv("EMO_MEMO", f"memo{workers}")
        faces.main()
        results.append({path.name: path.read_bytes() for path in Path("data/faces").iterdir()})
    assert results[0] == results[1]
    assert set(results[0]) == {"moving.parquet", "empty.parquet"}
