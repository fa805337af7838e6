"""Atomic writing of files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.runtime.errors import EmoError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds, else remove it.

    The old file is never opened for writing: it may be a link into a cache.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) atomically; leave an identical file untouched."""
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def refuse_links(path: Path) -> None:
    """Raise EmoError if a path of the project, or a folder above it in the project, is a link.

    Call it before writing to, or deleting, what is in the project: files behind a link are not emo's. Of an
    absolute path, only the path itself is checked.
    """
    parts = [path] if path.is_absolute() else [path, *path.parents]
    for part in reversed(parts):
        if part.is_symlink():
            raise EmoError(
                f"{part}: a link to {part.readlink()}; emo neither writes nor deletes behind links: put "
                "a folder there"
            )
