"""Errors that the user can fix.

Programs print them to stderr and exit with code 1; any other exception is a bug and keeps its traceback.
"""

import os
from collections.abc import Iterable


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


def formatted(error: EmoError) -> str:
    """Return an error as programs print it: `error: ` and the lines, aligned below each other."""
    return "\n".join(
        f"{'       ' if n else 'error: '}{line}" for n, line in enumerate(str(error).split("\n"))
    )
