"""Which version the report is about, the versions before it, and the settings and libraries behind it."""

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

from pipeline.report.sources import built
from pipeline.runtime.paths import AUDIT, FUNNEL, METRICS, PARAMS
from pipeline.versions.diff import Change
from pipeline.versions.dvc_lock import LOCK, POINTER
from pipeline.versions.git import Commit, Repository
from pipeline.versions.history import Step, all_moves, history
from pipeline.versions.version import TABLES, Version

LIBRARIES = ("av", "opencv-python-headless", "numpy", "pyarrow", "pillow", "torch", "safetensors", "dvc")
"""The libraries whose version can change an image or a metric, and DVC, which stores the files."""

_COMMITTED = (*TABLES, PARAMS, POINTER, FUNNEL, AUDIT, METRICS, Path("dvc.yaml"), Path("pipeline"))
"""The paths whose uncommitted changes are listed: together they define a version."""


@dataclass(frozen=True)
class CheckedOut:
    """The commit that is checked out."""

    commit: Commit
    changed: tuple[str, ...]
    "Files that differ from the commit."


@dataclass(frozen=True)
class VersionHistory:
    """The versions of the dataset, newest first."""

    steps: tuple[Step, ...]
    moved: tuple[Change, ...]
    "Subjects that ever changed split, merged branches included; there should be none."
    is_cut: bool
    "Whether the clone lacks older versions."


@dataclass(frozen=True)
class Provenance:
    """The settings and outputs of the stages by dvc.lock, and the libraries installed here."""

    settings: tuple[tuple[str, str], ...]
    "(dotted key, value)."
    outputs: tuple[tuple[str, str, str], ...]
    "(stage, path, MD5)."
    libraries: tuple[tuple[str, str], ...]
    "(name, version)."


def read_checked_out(repository: Repository) -> CheckedOut:
    """Return the commit that is checked out, and the files that differ from it."""
    return CheckedOut(repository.log([])[0], tuple(repository.changed(_COMMITTED)))


def read_versions(repository: Repository) -> VersionHistory:
    """Return the versions of the dataset up to the workspace."""
    steps, moved = history(repository), all_moves(repository)
    return VersionHistory(tuple(steps), tuple(moved), repository.is_shallow)


def read_provenance(version: Version) -> Provenance:
    """Return the settings and outputs of a version; raise NotBuiltError if there is no dvc.lock."""
    built(LOCK)
    settings = sorted((key, _shown(value)) for key, value in version.settings.items())
    outputs = [
        (name, path, md5) for name, stage in version.lock.items() for path, md5 in sorted(stage.outs.items())
    ]
    libraries = [("Python", platform.python_version()), *((name, _installed(name)) for name in LIBRARIES)]
    return Provenance(tuple(settings), tuple(outputs), tuple(libraries))


def _installed(name: str) -> str:
    try:
        return installed_version(name)
    except PackageNotFoundError:
        return "not installed"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
