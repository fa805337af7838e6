"""Contact sheets of the dataset: per expression, faces of every subject."""

from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.runtime.files import replacing
from pipeline.runtime.image_codec import decode
from pipeline.schema.dataset import read_dataset_shard
from pipeline.schema.split import SPLITS

T = TypeVar("T")

_CELL, _GAP, _LABEL = 72, 4, 150
_PER_SUBJECT = 8
_PER_PAGE = 40
_POOL, _POOLS = 60, 5
"""Images without a subject that share a row, and how many such rows a split has at most."""

_INK = "#1f2933"


def face_sheets(dataset: Path, folder: Path, classes: Sequence[str], alone: Set[str] = frozenset()) -> None:
    """Write <folder>/<expression>.png: a row of up to eight faces for every subject, by split.

    More than 40 subjects continue on <expression>-2.png and so on. Of the subjects that stand `alone`, images
    of nobody known, some share a few rows.
    """
    pages: dict[tuple[str, int], list[tuple[str, list[np.ndarray]]]] = {}
    titled = [line for split in SPLITS for line in _lines(dataset / split, alone)]
    for number, (title, shards) in enumerate(titled):
        rows = [row for shard in shards for row in _read(shard)]
        for label, name in enumerate(classes):
            faces = [decode(row["image"]["bytes"]) for row in _evenly(rows, label)]
            pages.setdefault((name, number // _PER_PAGE), []).append((title, faces))
    for (name, page), lines in pages.items():
        suffix = f"-{page + 1}" if page else ""
        _save(_sheet(name, lines), folder / f"{name}{suffix}.png")


def _lines(folder: Path, alone: Set[str]) -> Iterator[tuple[str, Sequence[Path]]]:
    """Yield the titles and shards of the rows of one split."""
    shards = sorted(folder.glob("*.parquet"))
    yield from ((f"{shard.stem} ({folder.name})", [shard]) for shard in shards if shard.stem not in alone)
    images = _spread([shard for shard in shards if shard.stem in alone], _POOL * _POOLS)
    for start in range(0, len(images), _POOL):
        yield f"images ({folder.name})", images[start : start + _POOL]


def _read(shard: Path) -> list[dict[str, Any]]:
    return read_dataset_shard(shard, ["image", "label"]).rows()


def _evenly(rows: Sequence[dict[str, Any]], label: int) -> Sequence[dict[str, Any]]:
    """Return up to eight rows of a class."""
    return _spread([row for row in rows if row["label"] == label], _PER_SUBJECT)


def _spread(items: Sequence[T], most: int) -> Sequence[T]:
    """Return up to `most` items, spread evenly over all."""
    count = min(most, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def _sheet(title: str, lines: Sequence[tuple[str, list[np.ndarray]]]) -> Image.Image:
    step = _CELL + _GAP
    grey = all(face.ndim == 2 for _, faces in lines for face in faces)  # a third of the time to write
    extent = (_LABEL + _PER_SUBJECT * step, 40 + len(lines) * step)
    sheet = Image.new("L" if grey else "RGB", extent, "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((8, 8), title, fill=_INK, font=ImageFont.load_default(20))
    for row, (name, faces) in enumerate(lines):
        top = 40 + row * step
        draw.text((8, top + _CELL // 2 - 8), name, fill=_INK, font=ImageFont.load_default(14))
        for column, face in enumerate(faces):
            cell = cv2.resize(face, (_CELL, _CELL), interpolation=cv2.INTER_AREA)
            shown = cell if cell.ndim == 2 else cv2.cvtColor(cell, cv2.COLOR_BGR2RGB)
            sheet.paste(Image.fromarray(shown), (_LABEL + column * step, top))
    return sheet


def _save(sheet: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG", compress_level=1)  # less than half the time
