"""Tracking: DVC tracks raw/videos; Git tracks the tables and the DVC pointer to the videos."""

from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, DECISIONS, PARTICIPANTS, VIDEOS
from pipeline.runtime.text import one_line
from pipeline.versions.dvc_lock import POINTER
from pipeline.versions.git import Repository

_COMMITTED = (PARTICIPANTS, CLIPS, DECISIONS, POINTER, VIDEOS.parent / ".gitignore")


def track_videos(dvc: Any) -> tuple[str, ...]:
    """Track raw/videos with DVC's `Repo`, whose lock is held; return the files to commit to Git."""
    if VIDEOS.is_dir():
        dvc.scm_context.quiet = True  # no hints on what to commit
        try:
            dvc.add(VIDEOS.as_posix())
        except Exception as error:  # DVC has no common class of its errors
            raise EmoError(
                f"{VIDEOS}: all recordings are copied and listed, but `dvc add {VIDEOS.as_posix()}` failed: "
                f"{one_line(error)}; fix this and run the same command again"
            ) from None
    return _changed_files()


def _changed_files() -> tuple[str, ...]:
    """Return the new and changed files to commit; all of them if there is no Git repository."""
    paths = [path for path in _COMMITTED if path.exists()]
    try:
        changed = Repository(Path.cwd()).changed(paths)
    except EmoError:
        changed = [path.as_posix() for path in paths]
    return tuple(path.as_posix() for path in paths if path.as_posix() in changed)
