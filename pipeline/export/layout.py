"""What a layout is: how the images are written, and what its README tells about them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.export.images import Images
from pipeline.runtime.progress import Advance


@dataclass(frozen=True)
class Layout:
    """One way to lay the dataset out."""

    write: Callable[[Images, Path, Advance], None]
    "writes all images into a folder, and advances by one for each"
    shape: str
    "what lies where, in Markdown"
    load: str
    "Python that loads the export, run in its folder"
