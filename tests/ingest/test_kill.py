"""kill -9 at named points: the tables match the files, and the next run completes the work."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runtime.digests import sha256
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, VIDEOS
from tests.support.ingest_project import IngestProject

pytestmark = pytest.mark.slow

TOP = Path(__file__).resolve().parents[2]

DRIVER = """
import os
import signal
import sys
from pathlib import Path

from pipeline.ingest import enrol
from pipeline.ingest.run import Request, ingest

study, function, call, when = sys.argv[1:]
calls = 0
real = getattr(enrol, function)


def killed(*arguments, **options):
    global calls
    calls += 1
    if calls == int(call) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments, **options)
    if calls == int(call) and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return result


enrol.BATCH = 3
setattr(enrol, function, killed)
ingest(Request((Path(study),)), track=lambda _dvc: ())
"""
"""Runs an ingest and kills its own process at the n-th call of a function of `enrol`."""

# (function, call, before or after it; recordings listed in raw/clips.csv at that point)
# Batches of 3 recordings; per batch write_csv is called for the participants, then for the clips.
POINTS = [
    ("_copy", 1, "before", 0),  # nothing is copied
    ("_copy", 2, "after", 0),  # a temporary file is complete, but not renamed
    ("place", 3, "after", 0),  # some recordings are copied, none is listed
    ("write_csv", 1, "after", 0),  # participants are written, their clips are not
    ("write_csv", 2, "before", 0),
    ("write_csv", 2, "after", 3),  # one batch is complete
    ("write_csv", 3, "after", 3),  # the second batch has participants, but no clips
    ("_copy", 8, "after", 6),
]


@pytest.fixture
def study(project: IngestProject) -> IngestProject:
    for subject in range(3):
        for expression in ("happy", "sad", "angry"):
            project.video(f"S{subject}/{expression}.mp4")
    return project


def ingest_and_kill(study: Path, *point: str) -> None:
    command = [sys.executable, "-c", DRIVER, str(study), *point]
    done = subprocess.run(command, env={"PYTHONPATH": str(TOP), "EMO_WORKERS": "1"}, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("function", "call", "when", "listed"), POINTS)
def test_killed_at_any_point_and_run_again(
    study: IngestProject,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    call: int,
    when: str,
    listed: int,
) -> None:
    ingest_and_kill(study.recordings, function, str(call), when)
    clips = study.clips() if CLIPS.is_file() and PARTICIPANTS.is_file() else {}
    assert len(clips) == listed
    for clip in clips.values():
        assert sha256(VIDEOS / clip.video) == clip.sha256
    study.ingest()
    tables, files = study.tables(), study.files()
    assert len(files) == 9
    uninterrupted = study.recordings.parent / "uninterrupted"
    shutil.copytree(".dvc", uninterrupted / ".dvc")
    monkeypatch.chdir(uninterrupted)
    study.ingest()
    assert (study.tables(), study.files()) == (tables, files)
