"""Reading JSON of any content: bounded in size and nesting, and with one kind of error."""

import json
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError, NotBuiltError, reason
from pipeline.runtime.regular_files import LARGEST_SETTINGS, read_regular

_DEEPEST = 60
"""Deepest nesting of lists and objects."""


def parse_json(data: bytes | str) -> Any:
    """Return the value of a JSON text in UTF-8; raise ValueError if it is not valid or nested too deep."""
    try:
        values = json.loads(data if isinstance(data, str) else data.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if _depth(values) > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} levels deep")
    return values


def read_json_object(path: Path, *, remedy: str, missing: str = "") -> dict[str, Any]:
    """Return the object in a JSON file.

    Args:
        path: The file.
        remedy: What to do if it is damaged, the end of the message.
        missing: What to do if it is missing; by default the same.

    Raises:
        NotBuiltError: The file is missing.
        EmoError: It is not a file, cannot be read, or is not valid.
    """
    try:
        values = parse_json(read_regular(path, LARGEST_SETTINGS))
    except FileNotFoundError:
        raise NotBuiltError(f"{path}: no such file; {missing or remedy}") from None
    except OSError as error:
        raise EmoError(f"{path}: cannot be read: {reason(error)}; {remedy}") from None
    except ValueError:
        raise EmoError(f"{path}: not valid JSON; {remedy}") from None
    if not isinstance(values, dict):
        raise EmoError(f"{path}: not a JSON object; {remedy}")
    return values


def _depth(value: object) -> int:
    """Return how deep lists and objects are nested, without recursion."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        inside = [item for item in level if isinstance(item, (list, dict))]
        level = [one for item in inside for one in (item.values() if isinstance(item, dict) else item)]
        depth += bool(inside)
    return depth
