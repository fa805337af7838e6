"""Layout imagefolder: <split>/<class>/<image>.png, and a metadata.csv beside the classes of each split."""

import csv
from collections.abc import Sequence
from pathlib import Path

from pipeline.export.images import Image, Images
from pipeline.export.layout import Layout
from pipeline.runtime.progress import Advance

_SHAPE = """`<split>/<class>/<image>.png`. Every split has a folder for every class, so that torchvision gives
a class the same number in each; where one is empty, it wants `allow_empty=True`. `<split>/metadata.csv` has a
line for each image, under the names that Hugging Face `datasets` looks for."""

_LOAD = """from torchvision.datasets import ImageFolder

train = ImageFolder("train")  # (PIL image in RGB, label)

from datasets import load_dataset

faces = load_dataset("imagefolder", data_dir=".")  # with the columns of metadata.csv"""


def write_imagefolder(images: Images, folder: Path, advance: Advance) -> None:
    """Write a PNG for each image, and a table for each split."""
    for split in images.splits:
        for name in images.classes:
            (folder / split / name).mkdir(parents=True)
        rows = images.of(split)
        for row in rows:
            (folder / split / _file(row, images.classes)).write_bytes(images.png(row))
            advance()
        _write_table(folder / split / "metadata.csv", rows, images)


def _write_table(path: Path, rows: Sequence[Image], images: Images) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file_name", "label", *images.columns])
        for row in rows:
            writer.writerow([_file(row, images.classes), images.classes[row.label], *row.about.values()])


def _file(row: Image, classes: Sequence[str]) -> str:
    """Return the path of an image below its split's folder, with a forward slash."""
    return f"{classes[row.label]}/{row.name}.png"


IMAGEFOLDER = Layout(write_imagefolder, _SHAPE, _LOAD)
