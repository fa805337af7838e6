"""Layout npz: <split>.npz with all pixels of a split in one array."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.export.images import Image, Images
from pipeline.export.layout import Layout
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import decode
from pipeline.runtime.progress import Advance
from pipeline.schema.subject_tags import subject_tag

_SHAPE = """`<split>.npz` with the arrays `images`, (n, side, side) grey or (n, side, side, 3) RGB of uint8;
`labels`, (n,) int64; `classes`, the name of each label; and an array of n values for each other column. They
are not compressed, and load without pickle. Unless it is anonymous, `emo` names all people in the file, as
bytes, so that `emo withdraw` finds it."""

_LOAD = """import numpy as np

train = np.load("train.npz")
images, labels = train["images"], train["labels"]
names = train["classes"][labels]"""


def write_npz(images: Images, folder: Path, advance: Advance) -> None:
    """Write a file for each split; its pixels are in memory meanwhile."""
    for split in images.splits:
        rows = images.of(split)
        arrays: dict[str, Any] = {
            "images": _pixels(rows, images, advance),
            "labels": np.array([row.label for row in rows], np.int64),
            "classes": np.array(images.classes),
        }
        arrays |= {name: np.array([row.about[name] for row in rows]) for name in images.columns}
        if not images.anonymous:
            arrays["emo"] = np.array(subject_tag(str(row.about["subject"]) for row in rows), "S")
        np.savez(folder / f"{split}.npz", **arrays)


def _pixels(rows: Sequence[Image], images: Images, advance: Advance) -> np.ndarray:
    """Return (n, side, side) grey or (n, side, side, 3) RGB uint8; EmoError unless all are alike."""
    first = _decode(images.png(rows[0]))
    pixels = np.empty((len(rows), *first.shape), np.uint8)
    for place, row in enumerate(rows):
        image = _decode(images.png(row))
        if image.shape != first.shape:
            raise EmoError(
                f"{row.split}/{row.name}.png: {image.shape} pixels, but {rows[0].name}.png {first.shape}; "
                "one array holds only images that are alike: run `dvc repro`, or use another layout"
            )
        pixels[place] = image
        advance()
    return pixels


def _decode(png: bytes) -> np.ndarray:
    image = decode(png)
    return image if image.ndim == 2 else image[:, :, ::-1]  # OpenCV's order is BGR


NPZ = Layout(write_npz, _SHAPE, _LOAD)
