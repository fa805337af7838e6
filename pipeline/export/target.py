"""The folder that an export is written to: a new one, which appears only when it is complete."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.runtime.errors import EmoError, reason
from pipeline.versions.writable import check_ignored, free_place

_NO_SPACE = "free some space, or give a folder on another disk"
_NO_PERMISSION = "give a folder that you may write to"

_REMEDIES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: "give a folder on a disk that takes larger files",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: _NO_PERMISSION,
    errno.ENAMETOOLONG: "give a shorter path",
}


def check_target(folder: Path, dataset: Path) -> Path:
    """Return the absolute path of `folder`.

    Raises EmoError unless it is new or empty, outside of what DVC and Git keep, and, within the project,
    ignored by Git.
    """
    target = free_place(folder, dataset)
    for path in (target, *target.parents):
        if path.exists() and not path.is_dir():
            raise EmoError(f"{folder}: {path} is a file; give another folder")
    if target.is_dir() and any(target.iterdir()):
        raise EmoError(f"{folder}: not empty; give a new or empty folder")
    if target.is_mount():
        raise EmoError(f"{folder}: the root of a disk; give a new folder on it")
    check_ignored(folder)
    return target


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target`; rename it when the block succeeds, remove it when it fails.

    Parent folders made for it are removed with it. An existing empty folder passes on its permissions.
    """
    created = [path for path in target.parents if not path.exists()]
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # from a killed export with the same process id
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.is_dir():
            shutil.copymode(target, temporary)
        temporary.replace(target)
        created = []
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        for path in created:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Raise EmoError in place of an OSError that the user can fix."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        raise EmoError(f"{folder}: {reason(error)}; nothing is exported: {_REMEDIES[error.errno]}") from None
