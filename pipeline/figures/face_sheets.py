"""Contact sheets of the dataset: one sheet per expression, with faces of every subject."""

from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pipeline.figures.style import INK, PAPER, font, save_image
from pipeline.runtime.image_codec import decode
from pipeline.schema.dataset import read_dataset_shard
from pipeline.schema.split import SPLITS

T = TypeVar("T")

_CELL, _GAP, _LABEL, _HEAD = 72, 4, 150, 40
"""Side of a face, space between two, width of the row titles and height of the sheet's title, pixels."""

_PER_ROW = 8
_PER_PAGE = 40
_POOL, _POOLS = 60, 5
"""Images without a subject that share a row, and the maximum number of such rows per split."""

_Row = tuple[str, list[np.ndarray]]
"""Title and faces."""


def face_sheets(dataset: Path, folder: Path, classes: Sequence[str], images: Set[str] = frozenset()) -> None:
    """Write <folder>/<expression>.png: a row of up to eight faces for every subject, by split.

    More than 40 subjects continue on <expression>-2.png and so on.

    Args:
        dataset: The folder of the dataset.
        folder: Folder for the sheets.
        classes: The expressions, in the order of their labels.
        images: Subjects that stand for single images of corpora without subject ids; a sample of them shares
            a few rows.
    """
    pages: dict[tuple[str, int], list[_Row]] = {}
    titled = [row for split in SPLITS for row in _titled_shards(dataset / split, images)]
    for number, (title, shards) in enumerate(titled):
        rows = [row for shard in shards for row in read_dataset_shard(shard, ["image", "label"]).rows()]
        for label, name in enumerate(classes):
            shown = _spread([row for row in rows if row["label"] == label], _PER_ROW)
            faces = [decode(row["image"]["bytes"]) for row in shown]
            pages.setdefault((name, number // _PER_PAGE), []).append((title, faces))
    for (name, page), lines in pages.items():
        suffix = f"-{page + 1}" if page else ""
        save_image(_sheet(name, lines), folder / f"{name}{suffix}.png")


def _titled_shards(folder: Path, images: Set[str]) -> Iterator[tuple[str, Sequence[Path]]]:
    """Yield the title and the shards of each row of one split."""
    shards = sorted(folder.glob("*.parquet"))
    yield from ((f"{shard.stem} ({folder.name})", [shard]) for shard in shards if shard.stem not in images)
    pooled = _spread([shard for shard in shards if shard.stem in images], _POOL * _POOLS)
    for start in range(0, len(pooled), _POOL):
        yield f"images ({folder.name})", pooled[start : start + _POOL]


def _spread(items: Sequence[T], limit: int) -> Sequence[T]:
    """Return up to `limit` items, evenly spaced."""
    count = min(limit, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def _sheet(title: str, rows: Sequence[_Row]) -> Image.Image:
    step = _CELL + _GAP
    grey = all(face.ndim == 2 for _, faces in rows for face in faces)  # written in a third of the time
    extent = (_LABEL + _PER_ROW * step, _HEAD + len(rows) * step)
    sheet = Image.new("L" if grey else "RGB", extent, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((8, 8), title, INK, font(20))
    for row, (name, faces) in enumerate(rows):
        top = _HEAD + row * step
        draw.text((8, top + _CELL // 2 - 8), name, INK, font(14))
        for column, face in enumerate(faces):
            cell = cv2.resize(face, (_CELL, _CELL), interpolation=cv2.INTER_AREA)
            shown = cell if cell.ndim == 2 else cv2.cvtColor(cell, cv2.COLOR_BGR2RGB)
            sheet.paste(Image.fromarray(shown), (_LABEL + column * step, top))
    return sheet
