"""Reading files that users and other programs write: regular files of a bounded size only.

A named pipe or a device would block for ever, or never end.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from pipeline.runtime.errors import EmoError

LARGEST_TABLE = 256 * 2**20
"""Largest table or text file, bytes: about two million clips."""

LARGEST_SETTINGS = 64 * 2**20
"""Largest file of YAML or JSON, bytes."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading bytes; raise EmoError if it is a folder, a named pipe, a socket or a device."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)  # non-blocking: opening a pipe would wait for its writer
    except OSError:
        check_regular(path)  # a socket cannot be opened at all
        raise
    try:
        _check_mode(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: Path) -> None:
    """Raise EmoError if a path exists and is no regular file; OSError if it cannot be looked at."""
    if path.exists():
        _check_mode(path, path.stat().st_mode)


def read_regular(path: Path, largest: int = LARGEST_TABLE) -> bytes:
    """Return the content of a regular file.

    Args:
        path: The file.
        largest: Largest size, bytes.

    Raises:
        EmoError: It is no regular file, or larger.
        OSError: It is missing or cannot be read.
    """
    with open_regular(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        size = f"{largest // 2**20} MB" if largest >= 2**20 else f"{largest // 2**10} kB"
        raise EmoError(
            f"{path}: larger than {size}, which is too much for such a file; check that it is the right one"
        )
    return data


def _check_mode(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise EmoError(f"{path}: a folder, not a file; give a file")
    if not stat.S_ISREG(mode):
        raise EmoError(f"{path}: not a regular file but a pipe, a socket or a device; give a file")
