"""Where exports, reports and images may be written: never into, or over, files that DVC or Git keeps."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.paths import (
    CONFUSION_PLOT,
    CURVES_PLOT,
    DATASET,
    FUNNEL_PLOT,
    MISTAKES_PLOT,
    MODEL,
    PARTICIPANTS,
    SHEETS,
    WITHDRAWALS_COPY,
)
from pipeline.runtime.yaml_files import read_yaml_file
from pipeline.versions.git import Repository

_FOLDERS = (DATASET.parent, PARTICIPANTS.parent, MODEL, SHEETS, WITHDRAWALS_COPY.parent)
_FIGURES = (FUNNEL_PLOT, CURVES_PLOT, CONFUSION_PLOT, MISTAKES_PLOT)
_KEPT = (*_FOLDERS, *_FIGURES, Path(".dvc"), Path(".git"))
"""Folders and files of DVC, Git and emo: files written there become part of a version, or are removed."""


def free_place(path: Path, *more: Path) -> Path:
    """Return the absolute path; raise EmoError if DVC, Git or emo keeps it, or it is in one of `more`."""
    try:
        target = path.resolve()
        target.exists()
    except RuntimeError:
        raise EmoError(f"{path}: a link that points to itself; choose another path") from None
    except OSError as error:  # a name that is too long, for example
        raise EmoError(f"{path}: cannot be written: {reason(error)}; choose another path") from None
    for kept in (*_KEPT, *outputs(), *more):
        if target.is_relative_to(kept.resolve()):
            raise EmoError(f"{path}: inside {kept}, which DVC or Git keeps; choose another path")
    if Repository(Path.cwd()).tracks(target):
        raise EmoError(f"{path}: tracked by Git; choose another path")
    return target


def check_ignored(folder: Path) -> None:
    """Raise EmoError if `git add --all` would add a folder of faces."""
    if Repository(Path.cwd()).would_add(folder.resolve() / "README.md"):
        raise EmoError(
            f"{folder}: inside the project and not ignored by Git, so `git add` would add the faces; choose "
            "a folder outside, or add it to .gitignore"
        )


def outputs(pipeline: Path = Path("dvc.yaml")) -> Iterator[Path]:
    """Yield the outputs of a pipeline's stages; nothing if it cannot be read, which DVC reports itself."""
    try:
        stages = read_yaml_file(pipeline, remedy="")["stages"].values()
        for stage in stages:
            for entry in (*stage.get("outs", ()), *stage.get("metrics", ())):
                yield Path(entry if isinstance(entry, str) else next(iter(entry)))
    except (EmoError, AttributeError, LookupError, TypeError, StopIteration, RuntimeError):
        return
