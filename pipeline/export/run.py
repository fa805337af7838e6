"""`emo export`: the dataset in a layout for people who do not read Parquet."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.export.imagefolder import IMAGEFOLDER
from pipeline.export.images import collect
from pipeline.export.npz import NPZ
from pipeline.export.readme import readme
from pipeline.export.target import disk_faults, free_target, whole_folder
from pipeline.export.webdataset import WEBDATASET
from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.paths import DATASET
from pipeline.runtime.progress import progress_bar
from pipeline.schema.dataset import shard_paths
from pipeline.schema.participants import read_participants

LAYOUTS = {"imagefolder": IMAGEFOLDER, "webdataset": WEBDATASET, "npz": NPZ}


@dataclass(frozen=True)
class Exported:
    """What an export holds."""

    layout: str
    where: Path
    anonymous: bool
    counts: dict[str, dict[str, int]]
    "images by split and class"
    files: int
    bytes: int
    "of all files"

    @property
    def images(self) -> int:
        """Return the number of all images."""
        return sum(sum(classes.values()) for classes in self.counts.values())

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "layout": self.layout,
            "folder": str(self.where),
            "anonymous": self.anonymous,
            "images": self.images,
            "files": self.files,
            "bytes": self.bytes,
            "splits": self.counts,
        }

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Return title, header and rows to print."""
        names = list(next(iter(self.counts.values())))
        rows = [
            [split, str(sum(classes.values())), *map(str, classes.values())]
            for split, classes in self.counts.items()
        ]
        title = f"{self.where}: {self.images:,} images, {self.files:,} files, {self.bytes / 1e6:.1f} MB"
        return title, ["split", "images", *names], rows


def export(layout: str, folder: Path, *, anonymise: bool = False, dataset: Path = DATASET) -> Exported:
    """Write the dataset into a new folder in one of LAYOUTS, whole or not at all; return what it holds.

    The same dataset gives the same bytes. `anonymise` leaves out what names or links people and recordings.
    Raises EmoError for a layout that is unknown, a dataset that is not built, broken, or holds somebody who
    does not consent, and a folder that is not empty, lies where DVC or Git keeps its files or would take it,
    or cannot be written.
    """
    if layout not in LAYOUTS:
        raise EmoError(f"layout: {layout!r} is unknown; use one of {', '.join(LAYOUTS)}")
    shards, people = shard_paths(dataset), read_participants()
    if not shards:
        raise NotBuiltError(f"{dataset}: no dataset is built; run `dvc repro`")
    with disk_faults(folder):
        target = free_target(folder, dataset)
        with whole_folder(target) as temporary, tempfile.TemporaryFile(dir=temporary.parent) as store:
            images = collect(shards, store, people, anonymise=anonymise)
            with progress_bar("write", len(images.rows)) as advance:
                LAYOUTS[layout].write(images, temporary, advance)
            text = readme(images, LAYOUTS[layout])
            (temporary / "README.md").write_text(text, encoding="utf-8", newline="\n")
            files = [path for path in temporary.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
    return Exported(layout, folder, anonymise, images.counts(), len(files), size)
