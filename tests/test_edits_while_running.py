"""Under real DVC: an edit while a stage runs ends in a refusal; the next run makes a correct record."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.runtime.dvc_hash import file_md5, folder_md5
from pipeline.runtime.stage_record import read_record, record_path
from pipeline.versions.dvc_lock import read_project_lock
from pipeline.versions.stage_records import false_entries
from tests.support.projects import Project, built_project

pytestmark = pytest.mark.slow

UP_TO_DATE, AS_RECORDED = "outputs up to date", "outputs made as recorded"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A built and committed project of six people; tests leave it built."""
    project = built_project(tmp_path_factory, tmp_path_factory.mktemp("edited") / "project")
    project.commit("First version", "v1")
    return project


def shards_are_written(project: Project, stage: str) -> Callable[[], bool]:
    """Return a question: whether a stage that starts later has written a shard."""
    folder = project.root / (".emo/cache/frames" if stage == "frames" else "data/dataset")

    def shards() -> set[tuple[Path, int]]:
        return {(path, path.stat().st_mtime_ns) for path in folder.rglob("[!.]*.parquet")}

    before = shards()

    def is_written() -> bool:
        try:
            return bool(shards() - before)
        except OSError:  # removed by DVC between the list and the question
            return False

    return is_written


@contextmanager
def edited(project: Project, stage: str, edit: Callable[[], object]) -> Iterator[None]:
    """Make an edit as soon as a stage that runs in this block has written its first shard."""
    is_written, stop = shards_are_written(project, stage), threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if is_written():
                edit()
                return
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    stop.set()
    thread.join()


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def is_recorded(project: Project, stage: str) -> bool:
    """Return whether dvc.lock and the record of a stage agree with each other and with the files."""
    record = read_record((project.root / record_path(stage)).read_bytes(), stage)
    for name, md5 in record.deps.items():
        path = project.root / name
        if md5 != (folder_md5(path) if path.is_dir() else file_md5(path)):
            return False
    return list(false_entries(record, read_project_lock(project.root)[stage])) == []


def test_a_setting_that_is_edited_while_frames_runs(built: Project) -> None:
    built.edit("params.yaml", "fps: .*", "fps: 4.0")
    with edited(built, "frames", lambda: built.edit("params.yaml", "fps: .*", "fps: 1.0")):
        ran, text = built.repro(check=False)
    assert ran == ["frames"]
    assert (
        "error: params.yaml: frames.fps changed from 4.0 to 1.0 while the stage frames ran; run `dvc repro` "
        "again\n" in text
    )
    assert read_project_lock(built.root)["frames"].params["frames.fps"] == 3.0
    assert [stage for stage in built.repro()[0] if stage != "audit"] == [
        "frames", "faces", "dedup", "dataset", "train", "evaluate"]  # fmt: skip
    assert read_project_lock(built.root)["frames"].params["frames.fps"] == 1.0
    shard = next((built.root / "data/frames").glob("*.parquet"))
    times = pq.read_table(shard, columns=["time_s"])["time_s"].to_pylist()
    assert times[1] - times[0] == pytest.approx(1.0, abs=0.1)
    assert built.repro()[0] == []
    checks = {check["name"]: check for check in built.answer("audit")["checks"]}
    assert checks[UP_TO_DATE]["ok"]
    assert checks[AS_RECORDED]["ok"]


EDITS = [
    ("frames", "raw/clips.csv", "\n"),
    ("frames", "pipeline/video/hdr.py", "# an edit\n"),
    ("dataset", "raw/decisions.csv", "\n"),
    ("dataset", "data/split.csv", "\n"),
]


@pytest.mark.parametrize(("stage", "name", "text"), EDITS)
def test_a_table_or_code_that_is_edited_while_a_stage_runs(
    built: Project, stage: str, name: str, text: str
) -> None:
    if stage == "frames":
        built.edit("params.yaml", "jpeg_quality: .*", f"jpeg_quality: {50 + len(name)}")
    else:
        append(built.root / "pipeline/stages/dataset.py", f"# {name}\n")
    with edited(built, stage, lambda: append(built.root / name, text)):
        ran, shown = built.repro(stage, check=False)
    assert ran[-1] == stage
    assert f"error: {name}: changed while the stage {stage} ran; run `dvc repro` again\n" in shown
    assert stage in built.repro(stage)[0]
    assert is_recorded(built, stage)
    assert built.repro(stage)[0] == []
