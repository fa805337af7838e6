"""With which settings, code and tables each stage made what is here, and what is different by now."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError
from pipeline.runtime.stages import BUILDING
from pipeline.runtime.text import listed
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.git import Repository
from pipeline.versions.stale import other_files, other_settings
from pipeline.versions.trace.records import Records


@dataclass(frozen=True)
class Made:
    """One stage as it ran last."""

    params: Mapping[str, Any]
    "dotted key -> value"
    code: str
    "first 7 hexadecimal digits of the SHA-256 over its sources' MD5s; empty where DVC did not run it"
    other_params: Mapping[str, Any]
    "those that params.yaml has otherwise now"
    other_files: tuple[str, ...]
    "source files and tables that are others now"

    def __str__(self) -> str:
        values = (f"{key.partition('.')[2]} {_shown(value)}" for key, value in self.params.items())
        return (
            f"{f'code {self.code}' if self.code else 'not in dvc.lock'}; {', '.join(values) or 'no settings'}"
        )

    @property
    def changes(self) -> str:
        """What is different by now; empty where nothing is."""
        values = [f"{key} {_shown(value)}" for key, value in self.other_params.items()]
        return listed([*values, *self.other_files])


@dataclass(frozen=True)
class Checkout:
    """The state of the workspace in Git."""

    commit: str
    "full hash"
    changed: tuple[str, ...]
    "files that differ from the commit, or are new"

    def __str__(self) -> str:
        dirty = (
            f", with uncommitted changes: {listed(self.changed, 5)}" if self.changed else ", nothing changed"
        )
        return f"{self.commit[:7]}{dirty}"


def read_making(records: Records) -> dict[str, Made]:
    """Return how each stage ran, by its name."""
    return {stage: _made(stage, records) for stage in BUILDING}


def read_checkout(root: Path) -> Checkout | None:
    """Return the commit of the workspace; None without Git or a commit."""
    repository = Repository(root)
    try:
        if not repository.has_commits:
            return None
    except EmoError:  # git is not installed
        return None
    return Checkout(repository.commit("HEAD"), tuple(repository.changed([Path()])))


def _made(stage: str, records: Records) -> Made:
    used = records.settings(stage)
    other = other_settings(used, records.settings_now)
    if stage not in records.lock:
        return Made(used, "", other, ())
    return Made(used, _code(records.lock[stage]), other, other_files(records.lock[stage], Path()))


def _code(lock: StageLock) -> str:
    lines = "".join(f"{path} {md5}\n" for path, md5 in sorted(lock.code.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:7]


def _shown(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
