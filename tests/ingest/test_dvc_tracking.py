"""Ingests with the real DVC and Git."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.ingest.run import Outcome, Request, ingest
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, VIDEOS
from tests.support.ingest_project import IngestProject, no_progress

pytestmark = pytest.mark.slow

POINTER = Path("raw/videos.dvc")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def dvc(*arguments: str) -> str:
    return run(sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Git and DVC repository, made once: `dvc init` takes seconds."""
    top = tmp_path_factory.mktemp("fresh")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top)
        run("git", "init", "-q")
        dvc("init", "-q")
        Path(".gitignore").write_text("/.emo\n")
        Path("dvc.yaml").write_text("stages: {}\n")
        run("git", "add", "-A")
        run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start")
    return top


@pytest.fixture
def tracked(project: IngestProject, fresh: Path) -> IngestProject:
    shutil.copytree(fresh, ".", dirs_exist_ok=True)
    return project


def enrol(project: IngestProject) -> Outcome:
    return ingest(Request((project.recordings,)), progress=no_progress)


def commit(outcome: Outcome) -> None:
    run("git", "add", *outcome.commit)
    run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "enrol")


def test_ingest_tracks_and_lists_what_to_commit(tracked: IngestProject) -> None:
    tracked.video("S01/happy.mp4")
    outcome = enrol(tracked)
    assert outcome.commit == (
        "raw/participants.csv",
        "raw/clips.csv",
        "raw/decisions.csv",
        "raw/videos.dvc",
        "raw/.gitignore",
    )
    commit(outcome)
    assert run("git", "status", "--porcelain") == ""
    pointer = POINTER.read_text()
    assert enrol(tracked).commit == ()
    assert POINTER.read_text() == pointer
    tracked.video("S01/sad.mp4")
    assert enrol(tracked).commit == ("raw/clips.csv", "raw/videos.dvc")
    (VIDEOS / "S01/S01_sad.mp4").unlink()
    with pytest.raises(EmoError, match=r"run `dvc checkout raw/videos\.dvc`"):
        enrol(tracked)
    dvc("checkout", "raw/videos.dvc")
    assert len(tracked.ingest(dry_run=True).unchanged) == 2


def test_linked_files_in_the_cache_are_never_written(tracked: IngestProject) -> None:
    Path(".dvc/config").write_text("[cache]\n    type = hardlink\n")
    tracked.video("S01/happy.mp4", 1)
    enrol(tracked)
    assert (VIDEOS / "S01/S01_happy.mp4").stat().st_nlink == 2
    tracked.video("S01/sad.mp4", 2)
    assert len(enrol(tracked).added) == 1


def test_an_error_of_dvc_is_reported_and_the_same_command_resumes(tracked: IngestProject) -> None:
    tracked.video("S01/happy.mp4")
    VIDEOS.mkdir(parents=True)
    (VIDEOS / "kept").write_text("x")
    run("git", "add", "raw/videos/kept")
    with pytest.raises(
        EmoError, match=r"`dvc add raw/videos` failed: .*tracked by SCM.*run the same command again$"
    ):
        enrol(tracked)
    assert CLIPS.is_file()
    run("git", "rm", "-q", "--cached", "raw/videos/kept")
    outcome = enrol(tracked)
    assert (len(outcome.unchanged), POINTER.is_file()) == (1, True)


def test_outside_of_dvc(project: IngestProject) -> None:
    shutil.rmtree(".dvc")
    with pytest.raises(EmoError, match="not a DVC repository; run `git init` and `dvc init`"):
        enrol(project)
