"""Readers of the outputs of the stages; errors for missing outputs name the remedy."""

from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.json_files import read_json_object

Table = TypeVar("Table", bound=Sized)


def built(path: Path) -> Path:
    """Return the path of an output; raise NotBuiltError if it is missing."""
    if not path.exists():
        raise NotBuiltError(f"{path}: not built yet; run `dvc repro`")
    return path


def read_table(path: Path, read: Callable[[Path], Table]) -> Table:
    """Return the rows that `read` finds in an output; raise NotBuiltError if it is missing or empty."""
    rows = read(built(path))
    if not rows:
        raise NotBuiltError(f"{path}: empty; run `dvc repro`")
    return rows


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file; raise NotBuiltError if it is missing, EmoError if it is damaged."""
    return read_json_object(built(path), remedy="remove it and run `dvc repro`")


@contextmanager
def expected(path: Path) -> Iterator[None]:
    """Raise EmoError if the block cannot use a JSON file, because another version of emo wrote it."""
    try:
        yield
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise EmoError(
            f"{path}: not in the format of this version of emo ({error}); run `dvc repro`"
        ) from None
