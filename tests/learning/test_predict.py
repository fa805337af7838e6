"""`emo predict` finds and crops faces as the pipeline does; a bad file stops no other."""

import resource
import signal
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.faces.clip_faces import write_faces
from pipeline.learning.predict import FileResult, predict_files, read_settings
from pipeline.runtime.errors import ConsentError, EmoError
from pipeline.runtime.image_codec import decode_grey, write_picture
from pipeline.runtime.params import read_params
from pipeline.video.clip_frames import ClipFrames, write_frames
from pipeline.video.decode import Sampling, Tally, sample
from pipeline.video.encode import write_video
from pipeline.video.probe import probe
from pipeline.video.usable import check_some_usable
from tests.support.making import withdraw_in_table
from tests.support.trainings import save_untrained

TOP = Path(__file__).resolve().parents[2]
VIDEO = TOP / "demo" / "clips" / "V01" / "happy.mp4"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an untrained model of two classes for grey faces of 64 px."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((TOP / "params.yaml").read_text())
    save_untrained(tmp_path / "models")
    return tmp_path


def run(files: list[Path], out: Path | None = None) -> list[FileResult]:
    results: list[FileResult] = []
    predict_files(files, out, 2.0, results.append)
    return results


def still() -> np.ndarray:
    return next(sample(VIDEO, Sampling(1.0, 2.0, 1.0, 640), Tally())).pixels


def test_a_video_gives_the_faces_of_the_pipeline(project: Path) -> None:
    [result] = run([VIDEO])
    settings = read_settings()
    plan = ClipFrames(
        Sampling(0.0, float("inf"), 0.5, settings.frames.max_side), settings.frames.jpeg_quality
    )
    write_frames(VIDEO, plan, project / "frames.parquet")
    write_faces(project / "frames.parquet", settings.faces, project / "faces.parquet")
    rows = pq.read_table(project / "faces.parquet").to_pylist()
    expected = [(row["time_s"], row["x"], row["w"]) for row in rows if row["status"] == "ok"]
    assert [(face.time_s, face.box.x, face.box.w) for face in result.faces] == expected
    assert decode_grey(rows[0]["png"]).shape == (64, 64)
    assert sum(result.faces[0].probabilities.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[" * 5000])
def test_a_dvc_lock_that_cannot_be_read(project: Path, data: bytes) -> None:
    (project / "dvc.lock").write_bytes(data)
    with pytest.raises(EmoError, match=r"^dvc\.lock: "):
        run([VIDEO])


@pytest.mark.usefixtures("project")
def test_a_small_setting_as_dvc_writes_it() -> None:
    sections = {name: {name: read_params()[name]} for name in ("frames", "faces")}
    sections["frames"]["frames"]["trim_start_s"] = 1e-05
    stages = {name: {"params": {"params.yaml": section}} for name, section in sections.items()}
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": stages}).replace("1.0e-05", "1e-05"))
    assert read_settings().frames.trim_start_s == 1e-05


def test_an_image_and_a_video_are_annotated(project: Path) -> None:
    write_picture(project / "still.png", still())
    assert [len(result.faces) for result in run([project / "still.png"], project / "out")] == [1]
    run([VIDEO], project / "out")
    assert {path.name for path in (project / "out").iterdir()} == {
        "still_predicted.png",
        "happy_predicted.mp4",
    }
    assert probe(project / "out" / "happy_predicted.mp4").frames == 6  # 3 s at 2 frames/s


def test_files_of_one_name_do_not_overwrite_each_other(project: Path) -> None:
    for folder in ("a", "b"):
        write_picture(project / folder / "still.png", still())
    run([project / "a/still.png", project / "b/still.png"], project / "out")
    assert {path.name for path in (project / "out").iterdir()} == {
        "a_still_predicted.png",
        "b_still_predicted.png",
    }


def test_bad_files_are_named_after_the_good_ones_are_done(project: Path) -> None:
    write_picture(project / "still.png", still())
    (project / "note.mp4").write_text("not a video")
    done: list[FileResult] = []
    with pytest.raises(EmoError) as caught:
        predict_files([project / "note.mp4", project / "still.png", project / "gone"], None, 2.0, done.append)
    assert [result.file.name for result in done] == ["still.png"]
    assert [line.split(":")[0].split("/")[-1] for line in str(caught.value).splitlines()] == [
        "note.mp4",
        "gone",
    ]


def test_an_image_without_a_face(project: Path) -> None:
    write_picture(project / "grey.png", np.full((240, 320, 3), 127, np.uint8))
    assert run([project / "grey.png"])[0].faces == ()


def png(width: int, height: int) -> bytes:
    """Return a black grey PNG, made without its pixels in memory."""
    deflate = zlib.compressobj()
    rows = b"".join(deflate.compress(bytes(width + 1)) for _ in range(height)) + deflate.flush()

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(30_000, 10_000), (5000, 1), (1, 5000)])
def test_an_image_of_hostile_size_is_refused_before_it_is_decoded(
    project: Path, width: int, height: int
) -> None:
    path = project / "s.png"
    path.write_bytes(png(width, height))
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(EmoError, match=rf"s\.png: {width}x{height} pixels; "):
        check_some_usable([path])
    with pytest.raises(EmoError, match=rf"s\.png: {width}x{height} pixels; "):
        run([path])
    assert time.process_time() - start < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_copy_that_cannot_be_written_is_one_error_and_leaves_nothing(project: Path) -> None:
    (project / "file").write_text("")
    (project / "out" / "happy_predicted.mp4").mkdir(parents=True)
    for out in (project / "file", project / "file" / "out", project / "out", Path("/proc/1/out")):
        with pytest.raises(EmoError, match=r": cannot be written: ") as caught:
            run([VIDEO], out)
        assert str(caught.value).startswith(str(out))
    assert [path.name for path in (project / "out").iterdir()] == ["happy_predicted.mp4"]


def test_no_broken_video_stays_on_a_full_disk(project: Path) -> None:
    """The limit of the system on the size of a file stands for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    frames = [np.random.default_rng(n).integers(0, 255, (240, 320, 3), np.uint8) for n in range(20)]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        with pytest.raises(OSError, match="too large"):
            write_video(project / "v.mp4", frames, 5.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(project.glob("*v.mp4*")) == []


def test_a_withdrawal_while_it_runs_leaves_no_copy(project: Path) -> None:
    for name in ("first.png", "second.png"):
        write_picture(project / name, still())

    def report(result: FileResult) -> None:
        if result.file.name == "first.png":
            assert (project / "out/first_predicted.png").is_file()
            withdraw_in_table("V03")

    with pytest.raises(ConsentError) as error:
        predict_files([project / "first.png", project / "second.png"], project / "out", 2.0, report)
    assert str(error.value).startswith("V03 withdrew while `emo predict` ran; nothing was kept")
    assert list((project / "out").iterdir()) == []
