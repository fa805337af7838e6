"""The lock of a study, against real commands of DVC."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.runtime.errors import EmoError
from pipeline.versions.study_lock import locked_study
from tests.support.making import init_dvc

pytestmark = pytest.mark.slow

RWLOCK = Path(".dvc/tmp/rwlock")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC repository with one stage, which runs until the file `end` exists."""
    monkeypatch.chdir(tmp_path)
    init_dvc()
    wait = "import pathlib, time; [time.sleep(0.05) for _ in iter(pathlib.Path('end').exists, True)]"
    Path("dvc.yaml").write_text(
        f'stages:\n  slow:\n    cmd: {sys.executable} -c "{wait}"\n    deps: [table]\n'
    )
    Path("table").write_text("x")
    return tmp_path


@contextmanager
def repro(study: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `dvc repro` until its stage runs."""
    running = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=study,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout
    try:
        while "Running stage" not in running.stdout.readline():
            assert running.poll() is None
        while not RWLOCK.is_file() or "table" not in RWLOCK.read_text():
            time.sleep(0.05)
        yield running
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def refused() -> str:
    """Return why the lock cannot be taken at once."""
    with pytest.raises(EmoError) as caught, locked_study(wait=False):
        pass
    return str(caught.value)


def test_a_running_stage_is_named_and_not_disturbed(study: Path) -> None:
    with repro(study) as running:
        assert "dvc repro` is running in this project; wait until it ends" in refused()
        Path("end").touch()
        assert running.wait(30) == 0


def test_it_waits_until_the_pipeline_ends(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with repro(study) as running:
        end = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1); open('end', 'w')"])
        with locked_study():
            assert running.wait(30) == 0
        end.wait()
    assert capsys.readouterr().err.startswith("waiting: `")


def test_the_entry_of_a_killed_stage_does_not_block(study: Path) -> None:
    with repro(study) as running:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        with locked_study(wait=False):
            assert json.loads(RWLOCK.read_text())["read"]


def test_dvc_repro_does_not_start_within_the_lock(study: Path) -> None:
    Path("end").touch()
    with locked_study(wait=False):
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "repro"], cwd=study, capture_output=True, text=True, check=False
        )
        assert "Unable to acquire lock" in done.stderr
    assert not Path("dvc.lock").exists()


def test_dvc_is_used_within_the_lock(study: Path) -> None:
    (study / "data").mkdir()
    (study / "data/a").write_text("a")
    with locked_study() as dvc:
        dvc.add("data")
    assert (study / "data.dvc").is_file()


def test_a_folder_without_dvc_is_refused(study: Path) -> None:
    shutil.rmtree(study / ".dvc")
    assert "not a DVC repository; run `git init` and `dvc init`" in refused()
