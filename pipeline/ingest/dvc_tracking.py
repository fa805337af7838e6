"""Tracking: DVC tracks raw/videos; Git tracks the tables and the DVC pointer to the videos."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, DECISIONS, PARTICIPANTS, VIDEOS
from pipeline.versions.dvc_lock import POINTER
from pipeline.versions.git import Repository

_COMMITTED = (PARTICIPANTS, CLIPS, DECISIONS, POINTER, VIDEOS.parent / ".gitignore")


def check_dvc() -> None:
    """Raise EmoError unless DVC is installed and the current directory is in a DVC repository."""
    if importlib.util.find_spec("dvc") is None:
        raise EmoError("dvc: not installed; run `pip install dvc`")
    here = Path.cwd()
    if not any((folder / ".dvc").is_dir() for folder in (here, *here.parents)):
        raise EmoError(f"{here}: not a DVC repository; run `git init` and `dvc init` in it first")


def track_videos() -> tuple[str, ...]:
    """Track raw/videos with DVC; return the files to commit to Git."""
    if VIDEOS.is_dir():
        command = (sys.executable, "-m", "dvc", "add", VIDEOS.as_posix())
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EmoError(
                f"{VIDEOS}: all recordings are copied and listed, but `dvc add {VIDEOS.as_posix()}` failed: "
                f"{_dvc_error(done.stderr or done.stdout)}; fix this and run the same command again"
            )
    return _changed_files()


def _dvc_error(output: str) -> str:
    """Return DVC's error as one line."""
    lines = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    text = " ".join(lines) or (output.strip().splitlines() or ["no message"])[-1]
    return re.sub(r"\s+", " ", text)


def _changed_files() -> tuple[str, ...]:
    """Return the new and changed files to commit; all of them if there is no Git repository."""
    paths = [path for path in _COMMITTED if path.exists()]
    try:
        changed = Repository(Path.cwd()).changed(paths)
    except EmoError:
        changed = [path.as_posix() for path in paths]
    return tuple(path.as_posix() for path in paths if path.as_posix() in changed)
