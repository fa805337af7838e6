"""kill -9 at any moment: the tables match the files, and the next run completes the work."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Project

from pipeline.runtime.digests import sha256
from pipeline.runtime.paths import CLIPS, VIDEOS

TOP = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from pathlib import Path
from pipeline.ingest import enrol
from pipeline.ingest.run import Request, ingest
enrol.BATCH = 3
ingest(Request((Path(sys.argv[1]),)), show=lambda plan: print("acting", flush=True), track=tuple)
"""


def run_and_kill(study: Path, delay_s: float) -> None:
    """Start an ingest and kill it so many seconds after it began to act."""
    command = [sys.executable, "-c", SCRIPT, str(study)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(TOP)}) as process:
        assert process.stdout
        assert process.stdout.readline() == b"acting\n"
        time.sleep(delay_s)
        process.kill()


def check_tables_match_files(project: Project) -> None:
    if CLIPS.is_file():
        for clip in project.clips().values():
            assert sha256(VIDEOS / clip.video) == clip.sha256


def test_killed_at_random_moments(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for subject in range(8):
        for expression in ("happy", "sad", "angry", "scared"):
            project.video(f"S{subject}/{expression}.mp4")
    moments = random.Random(1)
    listed = []
    for _ in range(5):
        run_and_kill(project.study, moments.uniform(0, 0.05))
        check_tables_match_files(project)
        listed.append(len(project.clips()) if CLIPS.is_file() else 0)
    assert listed == sorted(listed)
    project.ingest()
    tables, files = project.tables(), project.files()
    again = project.study.parent / "again"
    again.mkdir()
    monkeypatch.chdir(again)
    project.ingest()
    assert (project.tables(), project.files()) == (tables, files)
    assert len(files) == 32
