"""Which version this is, what came before it, and what it was made with."""

import platform
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

from pipeline.report.sources import built, expected, read_json
from pipeline.runtime.paths import AUDIT, FUNNEL, METRICS, MODEL, PARAMS
from pipeline.versions.diff import Change
from pipeline.versions.dvc_lock import LOCK, POINTER
from pipeline.versions.git import Commit, Repository
from pipeline.versions.history import Step, all_moves, history
from pipeline.versions.version import TABLES, Version

LIBRARIES = ("av", "opencv-python-headless", "numpy", "pyarrow", "pillow", "torch", "safetensors", "dvc")
"""Those whose version can change an image or a figure, and DVC, which keeps them."""

_MADE_OF = (*TABLES, PARAMS, POINTER, FUNNEL, AUDIT, METRICS, Path("dvc.yaml"), Path("pipeline"))
"""What must be as committed for the commit to tell what this version is."""


@dataclass(frozen=True)
class Origin:
    """The commit that was checked out last."""

    commit: Commit
    changed: tuple[str, ...]
    "files that differ from it"


@dataclass(frozen=True)
class Past:
    """The versions of the dataset, newest first."""

    steps: tuple[Step, ...]
    moved: tuple[Change, ...]
    "subjects that ever changed the split, on merged branches too: there must be none"
    is_cut: bool
    "whether the clone lacks older versions"


@dataclass(frozen=True)
class Provenance:
    """What the files were made with, as dvc.lock and the net's card tell it."""

    settings: tuple[tuple[str, str], ...]
    "(dotted key, value)"
    outputs: tuple[tuple[str, str, str], ...]
    "(stage, path, MD5)"
    libraries: tuple[tuple[str, str], ...]
    "(name, version) installed where the report was written"


@dataclass(frozen=True)
class Net:
    """Some of what the net's card tells."""

    recipe: str
    input_px: int
    epochs: int
    "run"
    seed: int
    torch: str
    "the version that trained"
    weights_sha256: str


def read_origin(repository: Repository) -> Origin:
    """Return the commit that is checked out, and what differs from it."""
    return Origin(repository.log([])[0], tuple(repository.changed(_MADE_OF)))


def read_past(repository: Repository) -> Past:
    """Return the versions of the dataset up to the workspace."""
    steps, moved = history(repository), all_moves(repository)
    return Past(tuple(steps), tuple(moved), repository.is_shallow)


def read_provenance(version: Version) -> Provenance:
    """Return what dvc.lock tells of a version, with the libraries installed here."""
    built(LOCK)
    settings = sorted((key, _text(value)) for key, value in version.settings.items())
    outputs = [
        (name, path, md5) for name, stage in version.lock.items() for path, md5 in sorted(stage.outs.items())
    ]
    libraries = [("Python", platform.python_version()), *((name, _installed(name)) for name in LIBRARIES)]
    return Provenance(tuple(settings), tuple(outputs), tuple(libraries))


def read_net(path: Path = MODEL / "model.json") -> Net:
    """Read models/model.json (as `pipeline.learning.model.checkpoint` does, which loads PyTorch)."""
    card = read_json(path)
    with expected(path):
        return Net(**{field.name: card[field.name] for field in fields(Net)})


def _installed(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:
        return "not installed"


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
