"""dvc.lock and .dvc files: from which files, settings and code each output was made, as DVC wrote it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import EmoError

LOCK = Path("dvc.lock")
POINTER = Path("raw/videos.dvc")
"""What says which recordings a version has."""

_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: ten times as fast


class _Loader(_Fast):  # type: ignore[misc, valid-type]
    """YAML as DVC writes it: 1.2, in which `1e-05` is a number; PyYAML's 1.1 takes it for a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?e[-+]?[0-9]+$"), list("-+0123456789")
)


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
    stages = mapping(read_yaml(text, where).get("stages"))
    return {name: _stage(mapping(entry)) for name, entry in stages.items()}


def read_pointer(text: str, where: str) -> dict[str, str]:
    """Return the outputs of a .dvc file: path -> MD5."""
    return _hashes(read_yaml(text, where).get("outs"))


def read_length(text: str, where: str) -> int | None:
    """Return how many bytes the output of a .dvc file has; None where it does not tell."""
    lengths = (entry.get("size") for entry in _entries(read_yaml(text, where).get("outs")))
    return next((length for length in lengths if isinstance(length, int)), None)


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
    files = mapping(entry.get("params"))
    params = {key: value for section in files.values() for key, value in flattened(mapping(section))}
    return StageLock(_hashes(entry.get("deps")), _hashes(entry.get("outs")), params)


def _hashes(entries: object) -> dict[str, str]:
    return {str(entry["path"]): str(entry.get("md5", "")) for entry in _entries(entries) if "path" in entry}


def _entries(entries: object) -> list[Mapping[str, Any]]:
    listed = entries if isinstance(entries, list) else []
    return [entry for entry in listed if isinstance(entry, Mapping)]


def read_yaml(text: str, where: str) -> Mapping[str, Any]:
    """Return what a file of DVC holds; `where` starts the message of the EmoError where it is no YAML."""
    try:
        return mapping(yaml.load(text, _Loader))
    except (yaml.YAMLError, RecursionError, ValueError):
        raise EmoError(f"{where}: not valid YAML; restore it with `git checkout`") from None


def mapping(value: object) -> Mapping[str, Any]:
    """Return a value that should be a mapping; an empty one where it is anything else."""
    return value if isinstance(value, Mapping) else {}
