"""Reading what the stages wrote, with the remedy where it is not built yet."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.errors import EmoError

T = TypeVar("T")


def built(path: Path) -> Path:
    """Return the path; raise EmoError where nothing is there."""
    if not path.exists():
        raise EmoError(f"{path}: not built yet; `dvc repro` makes it")
    return path


def read_table(path: Path, record: type[T]) -> list[T]:
    """Return the rows of a CSV file that a stage wrote; raise EmoError where there are none."""
    rows = read_csv(built(path), record)
    if not rows:
        raise EmoError(f"{path}: empty; `dvc repro` fills it")
    return rows


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file that a stage wrote."""
    try:
        values = json.loads(built(path).read_text(encoding="utf-8"))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise EmoError(f"{path}: not valid JSON; remove it and run `dvc repro`")
    return values


@contextmanager
def expected(path: Path) -> Iterator[None]:
    """Raise EmoError where the block cannot use a JSON file: another version of emo wrote it, or somebody."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise EmoError(f"{path}: not as this emo writes it ({error}); run `dvc repro`") from None
