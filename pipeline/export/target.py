"""The folder that an export goes to: a new one, named only when it is whole."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.runtime.errors import EmoError
from pipeline.versions.writable import check_ignored, free_place

_REMEDIES = {
    errno.ENOSPC: "free some space or name a folder on another disk",
    errno.EDQUOT: "free some space or name a folder on another disk",
    errno.EFBIG: "name a folder on a disk that takes larger files",
    errno.EACCES: "name a folder that you may write to",
    errno.EPERM: "name a folder that you may write to",
    errno.EROFS: "name a folder that you may write to",
    errno.ENAMETOOLONG: "give it a shorter name",
}


def free_target(folder: Path, dataset: Path) -> Path:
    """Return `folder` in full; raise EmoError unless it is new or empty, and no part of what DVC or Git keep.

    In the project, Git must ignore it.
    """
    target = free_place(folder, dataset)
    for path in (target, *target.parents):
        if path.exists() and not path.is_dir():
            raise EmoError(f"{folder}: {path} is a file; name another folder")
    if target.is_dir() and any(target.iterdir()):
        raise EmoError(f"{folder}: not empty, and nothing is written over; name another folder")
    if target.is_mount():
        raise EmoError(f"{folder}: a whole disk; name a new folder on it")
    check_ignored(folder)
    return target


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target`; name it so when the block ends well, else remove it.

    Folders above it that are made for it go with it. An empty folder that is there hands on its permissions.
    """
    made = [path for path in target.parents if not path.exists()]
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a killed export that had the same process number
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.is_dir():
            shutil.copymode(target, temporary)
        temporary.replace(target)
        made = []
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        for path in made:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Raise EmoError in place of an OSError that a user can mend."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        fault = os.strerror(error.errno)
        raise EmoError(f"{folder}: {fault}; nothing is exported: {_REMEDIES[error.errno]}") from None
