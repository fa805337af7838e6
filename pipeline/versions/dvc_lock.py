"""Reads dvc.lock and .dvc files: the files, settings and code from which each output was made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import yaml

from pipeline.runtime.code import PACKAGE
from pipeline.runtime.errors import EmoError
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.old_params import modernised
from pipeline.runtime.params import build, flattened, load_params
from pipeline.runtime.yaml_files import YamlError, mapping, parse_yaml, read_yaml_file

T = TypeVar("T")

LOCK = Path("dvc.lock")
POINTER = Path("raw/videos.dvc")
"""The .dvc file of the recordings."""

_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast


class _Loader(_Fast):  # type: ignore[misc, valid-type]
    """YAML 1.2 as DVC writes it, in which `1e-05` is a number; for PyYAML (1.1) it is a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?e[-+]?[0-9]+$"), list("-+0123456789")
)


@dataclass(frozen=True)
class StageLock:
    """One stage as it last ran."""

    deps: Mapping[str, str] = field(default_factory=dict)
    "path -> MD5; of a folder `<MD5>.dir`."
    outs: Mapping[str, str] = field(default_factory=dict)
    "Path -> MD5 of each output."
    params: Mapping[str, Any] = field(default_factory=dict)
    "Dotted key -> value."

    @property
    def code(self) -> dict[str, str]:
        """The folders and files of source code among the dependencies: path -> MD5."""
        return {path: md5 for path, md5 in self.deps.items() if PurePosixPath(path).parts[:1] == (PACKAGE,)}

    def section(self, name: str) -> dict[str, Any]:
        """Return the settings of one section of params.yaml, nested, as this version of emo names them."""
        values: dict[str, Any] = {}
        for key, value in self.params.items():
            *above, last = key.split(".")
            if above and above[0] == name:
                inner = values
                for part in above[1:]:
                    if not isinstance(inner.get(part), dict):
                        inner[part] = {}
                    inner = inner[part]
                inner[last] = value
        return dict(modernised({name: values})[name])


def read_project_lock(root: Path = Path()) -> dict[str, StageLock]:
    """Return the stages of a project's dvc.lock by name; empty if there is no dvc.lock."""
    path = root / LOCK
    if not path.exists():
        return {}
    return _stages(read_yaml_file(path, _Loader, remedy=f"restore it with `git checkout {LOCK}`"))


def settings_as_built(stage: str, schema: type[T]) -> T:
    """Return the settings with which a stage last ran (dvc.lock); if it never ran, those of params.yaml.

    Raises EmoError if dvc.lock cannot be read or has settings that this version of emo does not know.
    """
    lock = read_project_lock()
    if stage not in lock:
        return load_params(stage, schema)
    return build(schema, lock[stage].section(stage), f"{LOCK}: {stage}")


def read_lock(text: str, where: str) -> dict[str, StageLock]:
    """Return the stages of a dvc.lock by name; `where` starts the message of the EmoError."""
    return _stages(read_yaml(text, where))


def read_pointer(text: str, where: str) -> dict[str, str]:
    """Return the outputs of a .dvc file: path -> MD5."""
    return _hashes(read_yaml(text, where).get("outs"))


def read_length(text: str, where: str) -> int | None:
    """Return the length in bytes of the output of a .dvc file; None if the file does not state it."""
    lengths = (entry.get("size") for entry in _entries(read_yaml(text, where).get("outs")))
    return next((length for length in lengths if isinstance(length, int)), None)


def read_listing(data: bytes) -> dict[str, str]:
    """Return the files of a folder from its list, the object `<MD5>.dir`: relative path -> MD5."""
    try:
        return {str(entry["relpath"]): str(entry["md5"]) for entry in parse_json(data)}
    except (ValueError, TypeError, KeyError):
        raise EmoError(
            "DVC's cache: the list of the files of a folder is damaged; run `dvc fetch` or `dvc pull`"
        ) from None


def _stages(values: object) -> dict[str, StageLock]:
    stages = mapping(mapping(values).get("stages"))
    return {str(name): _stage(mapping(entry)) for name, entry in stages.items()}


def _stage(entry: Mapping[str, Any]) -> StageLock:
    files = mapping(entry.get("params"))
    params = {key: value for section in files.values() for key, value in flattened(mapping(section))}
    return StageLock(_hashes(entry.get("deps")), _hashes(entry.get("outs")), params)


def _hashes(entries: object) -> dict[str, str]:
    return {str(entry["path"]): str(entry.get("md5", "")) for entry in _entries(entries) if entry.get("path")}


def _entries(entries: object) -> list[Mapping[str, Any]]:
    listed = entries if isinstance(entries, list) else []
    return [entry for entry in listed if isinstance(entry, Mapping)]


def read_yaml(text: str, where: str) -> Mapping[str, Any]:
    """Return the content of a file of DVC; `where` starts the message of the EmoError if it is not YAML."""
    try:
        return mapping(parse_yaml(text, _Loader))
    except YamlError as error:
        raise EmoError(f"{where}: {error}; restore it with `git checkout`") from None
