"""Layout npz: <split>.npz with all pixels of a split in one array."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.export.image_store import ExportImage, ImageStore
from pipeline.export.layout import Layout
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import decode
from pipeline.runtime.progress import Advance
from pipeline.schema.subject_tags import subject_tag

_FILES = """`<split>.npz` with the arrays `images`, (n, side, side) grey or (n, side, side, 3) RGB, uint8;
`labels`, (n,) int64; `classes`, the name of each label; and an array of n values for each other column.
The arrays are not compressed, and load without pickle. Unless the export is anonymous, `emo` lists all
subjects of the file, as bytes, so that `emo withdraw` finds it."""

_LOAD = """import numpy as np

train = np.load("train.npz")
images, labels = train["images"], train["labels"]
names = train["classes"][labels]"""


def write_npz(images: ImageStore, folder: Path, advance: Advance) -> None:
    """Write one file for each split; the pixels of one split at a time are in memory."""
    for split in images.splits:
        rows = images.of(split)
        arrays: dict[str, Any] = {
            "images": _pixels(rows, images, advance),
            "labels": np.array([row.label for row in rows], np.int64),
            "classes": np.array(images.classes),
        }
        arrays |= {name: np.array([row.columns[name] for row in rows]) for name in images.columns}
        if not images.anonymous:
            arrays["emo"] = np.array(subject_tag(str(row.columns["subject"]) for row in rows), "S")
        np.savez(folder / f"{split}.npz", **arrays)


def _pixels(rows: Sequence[ExportImage], images: ImageStore, advance: Advance) -> np.ndarray:
    """Return (n, side, side) grey or (n, side, side, 3) RGB uint8; raise EmoError if shapes differ."""
    first = _decode(images.png(rows[0]))
    pixels = np.empty((len(rows), *first.shape), np.uint8)
    for index, row in enumerate(rows):
        image = _decode(images.png(row))
        if image.shape != first.shape:
            raise EmoError(
                f"{row.split}/{row.name}.png: shape {image.shape} differs from {first.shape} of "
                f"{rows[0].name}.png, but one array needs one shape; run `dvc repro`, or use another layout"
            )
        pixels[index] = image
        advance()
    return pixels


def _decode(png: bytes) -> np.ndarray:
    image = decode(png)
    return image if image.ndim == 2 else image[:, :, ::-1]  # OpenCV decodes to BGR


NPZ = Layout(write_npz, _FILES, _LOAD)
