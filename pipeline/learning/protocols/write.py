"""Writing the results of `emo protocols`: three files side by side, never over files of others."""

import json
import tempfile
from pathlib import Path

from pipeline.figures.style import save_figure
from pipeline.learning.protocols.figure import protocols_figure
from pipeline.learning.protocols.results import ProtocolResults, fold_row
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError, reason, writing
from pipeline.runtime.files import write_text
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.paths import PROTOCOLS
from pipeline.runtime.regular_files import read_regular
from pipeline.schema.protocols import FoldRow
from pipeline.versions.writable import free_place

_ENDINGS = (".json", ".csv", ".png")


def check_target(path: Path) -> None:
    """Raise EmoError unless the results can be written to `path` and beside it; create its folder.

    Refused are folders, names that do not end with .json, files that Git or DVC keeps, and files that this
    command did not write. Call it before anything is trained.
    """
    try:
        _check_name(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_files(path)
    except OSError as error:
        raise EmoError(f"{path}: cannot be written: {reason(error)}; choose another path") from None


def _check_name(path: Path) -> None:
    if path.is_dir():
        raise EmoError(f"{path}: is a folder; give a file in it, such as {path / PROTOCOLS.name}")
    if path.suffix != _ENDINGS[0]:
        raise EmoError(f"{path}: not the name of a JSON file; end it with {_ENDINGS[0]}")


def _check_files(path: Path) -> None:
    files = _files(path)
    with writing(path.parent, "choose another path"), tempfile.TemporaryFile(dir=path.parent):
        pass  # permissions do not tell whether a file can be written: not of root, nor below /proc
    if folder := next((file for file in files if file.is_dir()), None):
        raise EmoError(f"{folder}: is a folder, but {path.name} needs a file there; choose another name")
    if path.resolve() == PROTOCOLS.resolve():  # the default of this command, even if it is committed
        return
    for file in files:
        free_place(file)
    existing = [file for file in files if file.exists()]
    if existing and not _is_result(path):
        raise EmoError(f"{existing[0]}: exists, and `emo protocols` did not write it; choose another name")


def write_results(results: ProtocolResults, path: Path = PROTOCOLS) -> list[Path]:
    """Write the results as JSON, a table of all trainings (CSV) and a figure (PNG); return the paths.

    Raises EmoError if they cannot be written; finished trainings are kept.
    """
    metrics, table, figure = _files(path)
    try:
        write_text(metrics, json.dumps(results.as_json(), indent=2) + "\n")
        write_csv(table, [fold_row(fold) for fold in results.folds], FoldRow)
        save_figure(protocols_figure(results), figure)
    except OSError as error:
        raise EmoError(f"{path}: cannot be written: {reason(error)}; choose another with --out") from None
    return [metrics, table, figure]


def _files(path: Path) -> list[Path]:
    return [path.with_suffix(ending) for ending in _ENDINGS]


def _is_result(path: Path) -> bool:
    """Return whether this command wrote a file."""
    try:
        content = parse_json(read_regular(path))
    except (OSError, ValueError, EmoError):
        return False
    return isinstance(content, dict) and {"about", "protocols"} <= content.keys()
