"""What a stage uses, as it is when the stage starts: settings, tables, code, and folders of data.

DVC hashes settings and dependencies only after a stage has run. It would record what was edited meanwhile as
the source of outputs that were made from something else. So `run_stage` compares a snapshot of the inputs at
the start with one at the end.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.runtime.code import PACKAGE
from pipeline.runtime.dvc_hash import file_md5, files_in, folder_md5
from pipeline.runtime.loaded_code import AT_START, FileState, file_state
from pipeline.runtime.params import flattened, parse_settings, read_settings_text, read_yaml
from pipeline.runtime.paths import PARAMS, PIPELINE

T = TypeVar("T")

_TEMPLATE = re.compile(r"\$\{([^}]+)\}")
"""A reference to a setting of params.yaml in a key of dvc.yaml, as in `faces.${faces.detector}`."""


@dataclass(frozen=True)
class Declared:
    """The inputs of a stage as dvc.yaml lists them."""

    stage: str
    deps: tuple[Path, ...]
    params: Mapping[Path, tuple[str, ...]]
    "File of settings -> dotted keys."


@dataclass(frozen=True)
class Inputs:
    """The inputs of a stage at one moment."""

    texts: Mapping[Path, str]
    "Content of the files of settings."
    settings: Mapping[Path, Mapping[str, Any]]
    "File of settings -> dotted key -> value, of the keys that the stage uses."
    deps: Mapping[Path, str]
    """MD5, as DVC computes it, of each file and each folder of code among the dependencies. Folders of data
    are left out, as they are large: outputs of other stages, and the recordings."""
    states: Mapping[Path, FileState]
    "Every file of the dependencies -> its state."


def declared(stage: str) -> Declared | None:
    """Return the inputs that dvc.yaml of the current folder lists for a stage; None if it lists none.

    Raises EmoError if dvc.yaml is not valid YAML.
    """
    stages = read_yaml(PIPELINE).get("stages") if PIPELINE.is_file() else None
    entry = stages.get(stage) if isinstance(stages, Mapping) else None
    if not isinstance(entry, Mapping):
        return None
    params: dict[Path, tuple[str, ...]] = {}
    for item in entry.get("params") or ():
        for file, keys in item.items() if isinstance(item, Mapping) else [(PARAMS, [item])]:
            params[Path(file)] = (*params.get(Path(file), ()), *map(str, keys or ()))
    deps = (item if isinstance(item, str) else next(iter(item)) for item in entry.get("deps") or ())
    return Declared(stage, tuple(map(Path, deps)), params)


def snapshot(inputs: Declared) -> Inputs:
    """Return the inputs of a stage as they are now; missing files and settings are left out.

    Raises EmoError if a file of settings is missing or not valid YAML.
    """
    texts = {path: read_settings_text(path) for path in dict.fromkeys([PARAMS, *inputs.params])}
    values = {path: parse_settings(text, path) for path, text in texts.items()}
    settings = {
        path: dict(_chosen(keys, values[path], values[PARAMS])) for path, keys in inputs.params.items()
    }
    states = {file: found for path in inputs.deps for file in _files(path) if (found := file_state(file))}
    return Inputs(texts, settings, {path: md5 for path in inputs.deps if (md5 := _md5(path))}, states)


def changes(before: Inputs, after: Inputs) -> Iterator[str]:
    """Yield each difference between two snapshots: the file, and what changed in it.

    A file that was written again with the same content counts as changed: it may have had another content
    when the stage read it. Files of settings are read once, so only the values of the stage's settings count.
    """
    for file, values in before.settings.items():
        now = after.settings[file]
        for key in dict.fromkeys([*values, *now]):
            how = _change(values, now, key)
            yield from [f"{file}: {key} {how}"] if how else []
    for path in sorted(before.states.keys() | after.states.keys()):
        how = _change(before.states, after.states, path)
        yield from [f"{path}: {how.partition(' ')[0]}"] if how else []


def edited_code(inputs: Inputs) -> Iterator[str]:
    """Yield the files of code that were edited after this process began to load emo's code."""
    here = Path.cwd().resolve()
    for path in sorted(inputs.states):
        loaded = AT_START.get(here / path)
        if loaded and loaded != inputs.states[path]:
            yield f"{path}: changed"


def _change(before: Mapping[T, Any], after: Mapping[T, Any], key: T) -> str:
    """Return how an entry of two mappings differs, in words; empty if it is the same."""
    if key not in before or key not in after:
        return "added" if key in after else "removed"
    old, new = before[key], after[key]
    return f"changed from {old!r} to {new!r}" if old != new else ""


def _chosen(
    keys: tuple[str, ...], values: Mapping[str, Any], variables: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield dotted key and value of the settings below some keys, all of them if no key is named."""
    if not keys:
        yield from flattened(values)
    for template in keys:
        key = _TEMPLATE.sub(lambda found: str(_lookup(found[1].strip(), variables)), template)
        value = _lookup(key, values)
        if value is not None:
            yield from flattened({key: value})


def _lookup(key: str, values: Any) -> Any:
    """Return the value of a dotted key; None if there is none."""
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _files(path: Path) -> Iterator[Path]:
    return files_in(path) if path.is_dir() else iter([path])


def _md5(path: Path) -> str:
    """Return the MD5 of a file or a folder of code; empty for a folder of data, or if there is no file."""
    try:
        if path.is_dir():
            return folder_md5(path) if path.parts[0] == PACKAGE else ""
        return file_md5(path)
    except OSError:
        return ""
