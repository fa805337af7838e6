"""Where the figures of `emo protocols` go: three files beside each other, never over what others wrote."""

import json
import os
from pathlib import Path

from pipeline.figures.style import save_figure
from pipeline.learning.protocols.figure import picture
from pipeline.learning.protocols.results import Outcome, fold_row
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.files import write_text
from pipeline.runtime.paths import PROTOCOLS
from pipeline.schema.protocols import FoldRow
from pipeline.versions.writable import free_place

_ENDINGS = (".json", ".csv", ".png")


def check_target(path: Path) -> None:
    """Raise EmoError unless the figures can be written to `path` and beside it; before anything is trained.

    Refused are folders, other names than `<name>.json`, what Git or DVC keeps, and files that this command
    did not write. A folder that lacks is made.
    """
    try:
        _check_name(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_files(path)
    except OSError as error:
        raise EmoError(f"{path}: cannot be written: {reason(error)}; name another place") from None


def _check_name(path: Path) -> None:
    if path.is_dir():
        raise EmoError(f"{path}: is a folder; name a file in it, such as {path / PROTOCOLS.name}")
    if path.suffix != _ENDINGS[0]:
        raise EmoError(f"{path}: not the name of a JSON file; end it with {_ENDINGS[0]}")


def _check_files(path: Path) -> None:
    files = _beside(path)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise EmoError(f"{path.parent}: not writable for you; name another place")
    if folder := next((file for file in files if file.is_dir()), None):
        raise EmoError(f"{folder}: is a folder, and would be written beside {path.name}; give another name")
    if path.resolve() == PROTOCOLS.resolve():  # the command's own place, whoever committed it
        return
    for file in files:
        free_place(file)
    there = [file for file in files if file.exists()]
    if there and not _is_result(path):
        raise EmoError(f"{there[0]}: is there, and `emo protocols` did not write it; give another name")


def write_outcome(found: Outcome, path: Path = PROTOCOLS) -> list[Path]:
    """Write the figures beside each other as JSON, a table of all trainings (CSV) and a picture (PNG).

    Raises EmoError where they cannot be written; the finished trainings are kept all the same.
    """
    figures, table, drawn = _beside(path)
    try:
        write_text(figures, json.dumps(found.as_json(), indent=2) + "\n")
        write_csv(table, [fold_row(fold) for fold in found.folds], FoldRow)
        save_figure(picture(found), drawn)
    except OSError as error:
        raise EmoError(f"{path}: cannot be written: {reason(error)}; name another with --out") from None
    return [figures, table, drawn]


def _beside(path: Path) -> list[Path]:
    return [path.with_suffix(ending) for ending in _ENDINGS]


def _is_result(path: Path) -> bool:
    """Tell whether a file is one that this command wrote."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"about", "protocols"} <= content.keys()
