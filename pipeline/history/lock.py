"""dvc.lock and .dvc files: from which files, settings and code each output was made, as DVC wrote it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import EmoError

LOCK = Path("dvc.lock")
POINTER = Path("raw/videos.dvc")
"""What says which recordings a version has."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: ten times as fast


@dataclass(frozen=True)
class StageLock:
    """One stage as it ran last."""

    deps: Mapping[str, str] = field(default_factory=dict)
    "path -> MD5 (of a folder: `<MD5>.dir`)"
    outs: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    "dotted key -> value"

    @property
    def code(self) -> dict[str, str]:
        """The source files among the dependencies."""
        return {path: md5 for path, md5 in self.deps.items() if path.endswith(".py")}


def read_lock(text: str, where: str) -> dict[str, StageLock]:
    """Return the stages of a dvc.lock by name; `where` starts the message of the EmoError."""
    stages = _mapping(_load(text, where).get("stages"))
    return {name: _stage(_mapping(entry)) for name, entry in stages.items()}


def read_pointer(text: str, where: str) -> dict[str, str]:
    """Return the outputs of a .dvc file: path -> MD5."""
    return _hashes(_load(text, where).get("outs"))


def read_listing(data: bytes) -> dict[str, str]:
    """Return the files of a folder that DVC keeps, from the object `<MD5>.dir`: relative path -> MD5."""
    return {entry["relpath"]: entry["md5"] for entry in json.loads(data)}


def flattened(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of nested settings."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _stage(entry: Mapping[str, Any]) -> StageLock:
    files = _mapping(entry.get("params"))
    params = {key: value for section in files.values() for key, value in flattened(_mapping(section))}
    return StageLock(_hashes(entry.get("deps")), _hashes(entry.get("outs")), params)


def _hashes(entries: object) -> dict[str, str]:
    listed = entries if isinstance(entries, list) else []
    files = (entry for entry in listed if isinstance(entry, Mapping) and "path" in entry)
    return {str(entry["path"]): str(entry.get("md5", "")) for entry in files}


def _load(text: str, where: str) -> Mapping[str, Any]:
    try:
        return _mapping(yaml.load(text, _Loader))
    except (yaml.YAMLError, RecursionError, ValueError):
        raise EmoError(f"{where}: not valid YAML; restore it with `git checkout`") from None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
