"""The folder that an export is written to: a new one, which appears only when it is complete."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.runtime.errors import EmoError, writing
from pipeline.versions.writable import check_ignored, free_place


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
        with writing(target, "choose another folder"):
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
