"""Contact sheets of the dataset: per expression, faces of every subject."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.core.dataset import SPLITS, dataset_schema
from pipeline.core.tables import read_parquet, replacing
from pipeline.media.images import decode

_CELL, _GAP, _LABEL = 72, 4, 150
_PER_SUBJECT = 8
_PER_PAGE = 40
_INK = "#1f2933"


def face_sheets(dataset: Path, folder: Path, classes: Sequence[str]) -> None:
    """Write <folder>/<expression>.png: a row of up to eight faces for every subject, by split.

    More than 40 subjects continue on <expression>-2.png and so on.
    """
    shards = [path for split in SPLITS for path in sorted((dataset / split).glob("*.parquet"))]
    pages: dict[tuple[str, int], list[tuple[str, list[np.ndarray]]]] = {}
    for number, shard in enumerate(shards):
        rows = read_parquet(shard, dataset_schema(classes), ["image", "label"]).to_pylist()
        for label, name in enumerate(classes):
            faces = _evenly([row for row in rows if row["label"] == label])
            title = f"{shard.stem} ({shard.parent.name})"
            pages.setdefault((name, number // _PER_PAGE), []).append((title, faces))
    for (name, page), lines in pages.items():
        suffix = f"-{page + 1}" if page else ""
        _save(_sheet(name, lines), folder / f"{name}{suffix}.png")


def _evenly(rows: list[dict[str, Any]]) -> list[np.ndarray]:
    """Return up to eight faces, spread evenly over the rows, (h, w) uint8 grey or (h, w, 3) uint8 BGR."""
    count = min(_PER_SUBJECT, len(rows))
    chosen = [rows[i * len(rows) // count] for i in range(count)]
    return [decode(row["image"]["bytes"]) for row in chosen]


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
