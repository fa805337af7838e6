"""`emo export`: the dataset in a layout for tools that do not read Parquet."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.dataset.images.params import consent_rule
from pipeline.export.image_store import ImageStore, read_images
from pipeline.export.layout import Layout
from pipeline.export.readme import readme
from pipeline.export.registry import LAYOUTS
from pipeline.export.target import check_target, whole_folder
from pipeline.runtime.errors import EmoError, NotBuiltError, disk_errors
from pipeline.runtime.paths import DATASET
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import TextTable
from pipeline.schema.dataset import shard_paths
from pipeline.schema.participants import read_participants
from pipeline.versions.withdrawn_meanwhile import kept_unless_withdrawn


@dataclass(frozen=True)
class Exported:
    """What an export holds."""

    layout: str
    folder: Path
    anonymous: bool
    counts: dict[str, dict[str, int]]
    "Images by split and class."
    files: int
    "Number of files."
    bytes: int
    "Size of all files."

    @property
    def images(self) -> int:
        """Number of all images."""
        return sum(sum(classes.values()) for classes in self.counts.values())

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "layout": self.layout,
            "folder": str(self.folder),
            "anonymous": self.anonymous,
            "images": self.images,
            "files": self.files,
            "bytes": self.bytes,
            "splits": self.counts,
        }

    def table(self) -> TextTable:
        """Return title, header and rows to print."""
        classes = list(next(iter(self.counts.values())))
        rows = [
            [split, str(sum(counts.values())), *map(str, counts.values())]
            for split, counts in self.counts.items()
        ]
        title = f"{self.folder}: {self.images:,} images, {self.files:,} files, {self.bytes / 1e6:.1f} MB"
        return title, ["split", "images", *classes], rows


def export(layout: str, folder: Path, *, anonymise: bool = False, dataset: Path = DATASET) -> Exported:
    """Write the dataset into a new folder in one of LAYOUTS, atomically.

    The same dataset gives the same bytes. `anonymise` leaves out what identifies or links subjects and
    recordings. Raises EmoError if the layout is unknown, the dataset is damaged, or the folder is not empty,
    cannot be written, or is one that DVC or Git keeps or would add; NotBuiltError if there is no dataset;
    ConsentError if it holds a subject without consent, or a subject withdraws meanwhile.
    """
    if layout not in LAYOUTS:
        raise EmoError(f"layout: {layout!r} is unknown; use one of {', '.join(LAYOUTS)}")
    with disk_errors(str(folder), "; nothing is exported"):
        target = check_target(folder, dataset)
        with kept_unless_withdrawn("export") as written:
            images = _write(LAYOUTS[layout], target, dataset, anonymise=anonymise)
            written.append(target)
        files = [path for path in target.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
    return Exported(layout, folder, anonymise, images.counts(), len(files), size)


def _write(layout: Layout, target: Path, dataset: Path, *, anonymise: bool) -> ImageStore:
    """Write the dataset into the folder `target` atomically; return its images."""
    shards, participants = shard_paths(dataset), read_participants()
    if not shards:
        raise NotBuiltError(f"{dataset}: not built yet; run `dvc repro`")
    with whole_folder(target) as temporary, tempfile.TemporaryFile(dir=temporary.parent) as file:
        images = read_images(shards, file, participants, anonymise=anonymise, consent=consent_rule())
        with progress_bar("write", len(images.rows)) as advance:
            layout.write(images, temporary, advance)
        (temporary / "README.md").write_text(readme(images, layout), encoding="utf-8", newline="\n")
    return images
