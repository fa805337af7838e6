"""Layout imagefolder: <split>/<class>/<image>.png, and a metadata.csv beside the classes of each split."""

import csv
from collections.abc import Sequence
from pathlib import Path

from pipeline.export.image_store import ExportImage, ImageStore
from pipeline.export.layout import Layout
from pipeline.runtime.progress import Advance

_FILES = """`<split>/<class>/<image>.png`. Every split has a folder for every class, so that torchvision
numbers the classes alike in all splits; if a folder is empty, torchvision needs `allow_empty=True`.
`<split>/metadata.csv` has one row for each image, with the column names that Hugging Face `datasets`
expects."""

_LOAD = """from torchvision.datasets import ImageFolder

train = ImageFolder("train")  # (PIL image in RGB, label)

from datasets import load_dataset

faces = load_dataset("imagefolder", data_dir=".")  # with the columns of metadata.csv"""


def write_imagefolder(images: ImageStore, folder: Path, advance: Advance) -> None:
    """Write one PNG for each image, and one table for each split."""
    for split in images.splits:
        for name in images.classes:
            (folder / split / name).mkdir(parents=True)
        rows = images.of(split)
        for row in rows:
            (folder / split / _path(row, images.classes)).write_bytes(images.png(row))
            advance()
        _write_table(folder / split / "metadata.csv", rows, images)


def _write_table(path: Path, rows: Sequence[ExportImage], images: ImageStore) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file_name", "label", *images.columns])
        for row in rows:
            writer.writerow([_path(row, images.classes), images.classes[row.label], *row.columns.values()])


def _path(row: ExportImage, classes: Sequence[str]) -> str:
    """Return the path of an image within the folder of its split, with a forward slash."""
    return f"{classes[row.label]}/{row.name}.png"


IMAGEFOLDER = Layout(write_imagefolder, _FILES, _LOAD)
