"""Where what people ask for may be written: never into, or over, what DVC and Git keep."""

from collections.abc import Iterator
from pathlib import Path

import yaml

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
from pipeline.versions.git import Repository

_FOLDERS = (DATASET.parent, PARTICIPANTS.parent, MODEL, SHEETS, WITHDRAWALS_COPY.parent)
_PICTURES = (FUNNEL_PLOT, CURVES_PLOT, CONFUSION_PLOT, MISTAKES_PLOT)
_KEPT = (*_FOLDERS, *_PICTURES, Path(".dvc"), Path(".git"))
"""What is here belongs to DVC, Git or emo: it would become part of a version, or be removed."""


def free_place(path: Path, *more: Path) -> Path:
    """Return `path` in full; raise EmoError where DVC, Git or emo keeps it, or it lies in one of `more`."""
    try:
        target = path.resolve()
        target.exists()
    except RuntimeError:
        raise EmoError(f"{path}: a link that leads back to itself; name another place") from None
    except OSError as error:  # such as a name that is too long
        raise EmoError(f"{path}: cannot be written: {reason(error)}; name another place") from None
    for kept in (*_KEPT, *_outputs(), *more):
        if target.is_relative_to(kept.resolve()):
            raise EmoError(f"{path}: lies in {kept}, which DVC or Git keeps; name a place elsewhere")
    if Repository(Path.cwd()).tracks(target):
        raise EmoError(f"{path}: is kept in Git; name a place elsewhere")
    return target


def check_ignored(folder: Path) -> None:
    """Raise EmoError where a folder of faces would go with the next `git add --all`."""
    if Repository(Path.cwd()).would_add(folder.resolve() / "README.md"):
        raise EmoError(
            f"{folder}: lies in the project and Git does not ignore it, so `git add` would take the faces; "
            "name a folder outside, or add it to .gitignore"
        )


def _outputs(pipeline: Path = Path("dvc.yaml")) -> Iterator[Path]:
    """Yield what the stages of a pipeline write; nothing where it cannot be read, which DVC itself tells."""
    try:
        stages = yaml.safe_load(pipeline.read_text(encoding="utf-8"))["stages"].values()
        for stage in stages:
            for entry in (*stage.get("outs", ()), *stage.get("metrics", ())):
                yield Path(entry if isinstance(entry, str) else next(iter(entry)))
    except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        return
