"""The interface of an export format: one module per layout, listed in `pipeline.export.registry`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.export.image_store import ImageStore
from pipeline.runtime.progress import Advance


@dataclass(frozen=True)
class Layout:
    """One way to arrange the dataset in files."""

    write: Callable[[ImageStore, Path, Advance], None]
    "Writes all images into a folder, and advances by one for each."
    files: str
    "Description of the files, Markdown for the README."
    load: str
    "Python code that loads the export, run in its folder."
