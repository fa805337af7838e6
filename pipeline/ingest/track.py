"""DVC tracks raw/videos; Git tracks the tables and the pointer to the videos."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, VIDEOS

_POINTER = VIDEOS.with_suffix(".dvc")
_COMMITTED = (PARTICIPANTS, CLIPS, _POINTER, VIDEOS.parent / ".gitignore")


def check_dvc() -> None:
    """Raise EmoError unless the project can be tracked by DVC."""
    if importlib.util.find_spec("dvc") is None:
        raise EmoError("dvc: not installed here; run `pip install dvc`")
    here = Path.cwd()
    if not any((folder / ".dvc").is_dir() for folder in (here, *here.parents)):
        raise EmoError(f"{here}: not a DVC repository; run `git init` and `dvc init` in it first")


def track_videos() -> tuple[str, ...]:
    """Track raw/videos with DVC; return the files that are to be committed to Git."""
    if VIDEOS.is_dir():
        _run_dvc("add", VIDEOS.as_posix())
    return _changed([path for path in _COMMITTED if path.exists()])


def _run_dvc(*arguments: str) -> None:
    done = _run(sys.executable, "-m", "dvc", *arguments)
    if done.returncode:
        raise EmoError(
            f"{VIDEOS}: everything is copied and listed, but `dvc {' '.join(arguments)}` failed: "
            f"{_reason(done.stderr or done.stdout)}; mend it and run the same command again"
        )


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _reason(text: str) -> str:
    """Return DVC's error as one line."""
    lines = [line.removeprefix("ERROR: ") for line in text.splitlines() if line.startswith("ERROR: ")]
    said = " ".join(lines) or (text.strip().splitlines() or ["it said nothing"])[-1]
    return re.sub(r"\s+", " ", said)


def _changed(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return those of the paths that Git sees as new or changed; all of them where Git cannot tell."""
    names = [path.as_posix() for path in paths]
    status = _run("git", "status", "--porcelain", "--untracked-files=all", "--", *names)
    if status.returncode:
        return tuple(names)
    prefix = _run("git", "rev-parse", "--show-prefix").stdout.strip()
    changed = {line[3:].strip('"').removeprefix(prefix) for line in status.stdout.splitlines()}
    return tuple(name for name in names if name in changed)
