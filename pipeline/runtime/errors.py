"""Errors that the user can fix.

Programs print them to stderr and exit with code 1; any other exception is a bug and keeps its traceback.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pipeline.runtime.text import printable

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk."""

_REMEDIES = {
    **dict.fromkeys(NO_SPACE, "free some space"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "make it writable for you"),
    errno.EROFS: "make it writable",
    errno.EFBIG: "use a disk that takes larger files",
    errno.ENAMETOOLONG: "use a shorter path",
    errno.ELOOP: "replace the link that leads to itself",
    errno.EIO: "check the disk",
}


class EmoError(Exception):
    """An error in the input, the settings or the machine that the user can fix.

    The message is one line with the file, the value and the remedy; several errors are one line each
    (`lines`).
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class NotBuiltError(EmoError):
    """An output of a stage is missing; `dvc repro` builds it, `dvc pull` fetches it."""


class ConsentError(EmoError):
    """A subject has withdrawn or did not consent: the subject's data may not be processed or shown."""


class UnknownRevisionError(EmoError):
    """Git knows no such commit, branch or tag."""


def many(errors: Iterable[str], limit: int) -> EmoError:
    """Return the first `limit` errors and how many more there are, as one exception."""
    lines = list(errors)
    more = [f"and {len(lines) - limit:,} more errors"] if len(lines) > limit else []
    return EmoError(*lines[:limit], *more)


def reason(error: OSError) -> str:
    """Return the reason of an OSError in words; libraries raise some without a text, or with their own."""
    return os.strerror(error.errno) if error.errno else str(error)


@contextmanager
def disk_errors(where: str, then: str) -> Iterator[None]:
    """Raise EmoError for an OSError of the disk that the user can fix, such as a full disk.

    Args:
        where: What the message starts with; empty for the file that the system names.
        then: What follows the remedy: how to go on.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        file = str(error.filename or "disk")
        is_named = error.filename and file != where and not file.endswith(".tmp")
        named = f" ({file})" if where and is_named else ""
        raise EmoError(f"{where or file}: {reason(error)}{named}; {_REMEDIES[error.errno]}{then}") from None


@contextmanager
def writing(path: object, then: str = "free some space, or choose another path") -> Iterator[None]:
    """Raise EmoError for any OSError while a file that the user chose is written.

    Args:
        path: The file or folder, as the message names it.
        then: The remedy.
    """
    try:
        yield
    except OSError as error:
        raise EmoError(f"{path}: cannot be written: {reason(error)}; {then}") from None


def formatted(error: EmoError) -> str:
    """Return an error as programs print it: `error: ` and the lines, aligned below each other.

    Control characters, such as names of files may hold, are shown as escapes.
    """
    return "\n".join(
        f"{'       ' if n else 'error: '}{line}" for n, line in enumerate(printable(str(error)).split("\n"))
    )
