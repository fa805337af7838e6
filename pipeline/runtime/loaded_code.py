"""The files of emo's code as they were when a stage began to load them.

`pipeline/stages/__init__.py` imports this module before any other, so that edits while the other modules are
being imported, which takes seconds with PyTorch, are noticed. It imports nothing of emo.
"""

import os
from pathlib import Path

FileState = tuple[int, int, int]
"""Inode, length and time of modification of a file, which change when it is written again."""


def file_state(path: Path) -> FileState | None:
    """Return the state of a file; None if there is none, or it is a link to nothing."""
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns


def _states(folder: Path) -> dict[Path, FileState]:
    files = (Path(top, name) for top, _, names in os.walk(folder) for name in names if name.endswith(".py"))
    return {path: found for path in files if (found := file_state(path))}


AT_START = _states(Path(__file__).resolve().parents[1])
"""Each source file of emo, as an absolute path -> its state when this module was imported."""
