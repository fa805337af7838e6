"""Which of the files that a user gives can be read at all, by their headers."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.runtime.errors import EmoError, reason
from pipeline.video.probe import is_still_image


def check_some_usable(paths: Sequence[Path]) -> None:
    """Raise EmoError, one line for each file, if none is a video or an image that can be used."""
    errors = [error for path in paths if (error := _error(path))]
    if len(errors) == len(paths):
        raise EmoError(*errors)


def _error(path: Path) -> str:
    try:
        is_still_image(path)
    except EmoError as error:
        return str(error)
    except FileNotFoundError:
        return f"{path}: no such file; give images or videos"
    except OSError as error:
        return f"{path}: cannot be read: {reason(error)}; give images or videos"
    return ""
