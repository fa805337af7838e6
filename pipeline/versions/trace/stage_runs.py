"""The settings, code and tables that each stage last ran with, and those that changed since."""

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
class StageRun:
    """The last run of one stage."""

    params: Mapping[str, Any]
    "Dotted key -> value."
    code: str
    "First 7 hexadecimal digits of the SHA-256 over the MD5s of its source files; empty if not in dvc.lock."
    other_params: Mapping[str, Any]
    "Dotted key -> value in params.yaml, if it differs."
    other_files: tuple[str, ...]
    "Source files and tables that changed since."

    def __str__(self) -> str:
        code = f"code {self.code}" if self.code else "not in dvc.lock"
        settings = (f"{key.partition('.')[2]} {_shown(value)}" for key, value in self.params.items())
        return f"{code}; {', '.join(settings) or 'no settings'}"

    @property
    def changes(self) -> str:
        """The settings and files that changed since; empty if none did."""
        settings = [f"{key} {_shown(value)}" for key, value in self.other_params.items()]
        return listed([*settings, *self.other_files])


@dataclass(frozen=True)
class Checkout:
    """The state of the workspace in Git."""

    commit: str
    "Full hash."
    changed: tuple[str, ...]
    "Files that differ from the commit, or are new."

    def __str__(self) -> str:
        changes = f"with uncommitted changes: {listed(self.changed, 5)}" if self.changed else "no changes"
        return f"{self.commit[:7]}, {changes}"


def read_stage_runs(records: Records) -> dict[str, StageRun]:
    """Return the last run of each stage that an image goes through, by its name."""
    return {stage: _stage_run(stage, records) for stage in BUILDING}


def read_checkout(root: Path) -> Checkout | None:
    """Return the commit of the workspace; None without Git or a commit."""
    repository = Repository(root)
    try:
        if not repository.has_commits:
            return None
    except EmoError:  # Git is not installed
        return None
    return Checkout(repository.commit("HEAD"), tuple(repository.changed([Path()])))


def _stage_run(stage: str, records: Records) -> StageRun:
    used = records.settings(stage)
    changed = other_settings(used, records.settings_now)
    if stage not in records.lock:
        return StageRun(used, "", changed, ())
    lock = records.lock[stage]
    return StageRun(used, _code_digest(lock), changed, other_files(lock, Path()))


def _code_digest(lock: StageLock) -> str:
    lines = "".join(f"{path} {md5}\n" for path, md5 in sorted(lock.code.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:7]


def _shown(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
