"""Contact sheets of near-duplicates: each pair side by side, the worst first."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pipeline.audit.checks.near_duplicates import Pair, PairImage
from pipeline.figures.style import FAINT, GREY, INK, VERMILION, cut_middle, font, save_image
from pipeline.runtime.errors import reason
from pipeline.runtime.image_codec import decode
from pipeline.runtime.paths import REPORTS
from pipeline.schema.dataset import read_dataset_shard
from pipeline.schema.subject_tags import subject_tag

PICTURE = REPORTS / "near_pairs.png"

_FACE, _GAP, _MARGIN, _HEAD, _CAPTION = 148, 2, 14, 64, 74
_COLUMNS, _PER_PAGE, _PAGES = 4, 60, 10

_STEP = (2 * _FACE + _GAP + 2 * _MARGIN, _FACE + _CAPTION + _MARGIN)
"""Distance from one pair to the next, to the right and down, pixels."""


def draw_pairs(
    pairs: Sequence[Pair], shown: frozenset[str], shards: Mapping[str, Path], picture: Path = PICTURE
) -> str:
    """Write the pairs to near_pairs.png, 60 per page, further pages to -2, -3 ...; return their paths.

    Only images of the subjects in `shown` are drawn, with the pixels that were compared: those of the
    dataset, whose `shards` are given by clip. Each page carries the tag of its subjects. Pages of an earlier
    run are removed; without a pair there is no page. At most ten pages are drawn. If they cannot be written,
    the returned text says so; no verdict depends on them.
    """
    pages = [pairs[at : at + _PER_PAGE] for at in range(0, len(pairs), _PER_PAGE)][:_PAGES]
    try:
        for old in (picture, *picture.parent.glob(f"{picture.stem}-*.png")):
            old.unlink(missing_ok=True)
        for number, page in enumerate(pages, 1):
            title = f"{len(pairs):,} near-duplicate pairs{_page(number, len(pages), len(pairs))}"
            pixels = _pixels(page, shown, shards)
            path = picture.with_name(f"{picture.stem}{f'-{number}' if number > 1 else ''}.png")
            save_image(_sheet(title, page, pixels), path, subject_tag(face.subject for face in pixels))
    except OSError as error:
        return f"{picture}, which cannot be written: {reason(error)}"
    return f"{picture} and {len(pages) - 1} more pages" if len(pages) > 1 else f"{picture}"


def _page(number: int, pages: int, pairs: int) -> str:
    cut = f", the first {pages * _PER_PAGE} shown" if pairs > pages * _PER_PAGE else ""
    return f"{cut}: page {number} of {pages}" if pages > 1 else ""


def _pixels(
    pairs: Sequence[Pair], shown: frozenset[str], shards: Mapping[str, Path]
) -> dict[PairImage, np.ndarray]:
    """Return the crops of the faces of a page that may be shown; reads each shard once."""
    wanted: dict[Path, dict[tuple[str, int], PairImage]] = {}
    for face in (face for pair in pairs for face in (pair.one, pair.other) if face.subject in shown):
        wanted.setdefault(shards[face.clip], {})[face.clip, face.frame] = face
    return {face: crop for shard, faces in wanted.items() for face, crop in _crops(shard, faces)}


def _crops(shard: Path, faces: Mapping[tuple[str, int], PairImage]) -> Iterator[tuple[PairImage, np.ndarray]]:
    """Yield the crops of some faces of a shard; `faces` are by clip and frame."""
    table = read_dataset_shard(shard, ["image", "clip", "frame"]).table
    keys = list(zip(table["clip"].to_pylist(), table["frame"].to_pylist(), strict=True))
    found = [number for number, key in enumerate(keys) if key in faces]
    for number, image in zip(found, table["image"].take(found).to_pylist(), strict=True):
        yield faces[keys[number]], decode(image["bytes"])


def _sheet(title: str, pairs: Sequence[Pair], pixels: Mapping[PairImage, np.ndarray]) -> Image.Image:
    columns = max(2, min(_COLUMNS, len(pairs)))  # two: so that the title has room
    rows = -(-len(pairs) // columns)
    sheet = Image.new("RGB", (columns * _STEP[0], _HEAD + rows * _STEP[1]), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 10), title, fill=INK, font=font(20))
    note = "across subjects or splits in red, across labels in grey; each kind with the nearest first"
    draw.text((_MARGIN, 38), note, fill=FAINT, font=font(12))
    for number, pair in enumerate(pairs):
        place = (number % columns * _STEP[0] + _MARGIN, _HEAD + number // columns * _STEP[1])
        _draw_pair(sheet, place, pair, pixels)
    return sheet


def _draw_pair(
    sheet: Image.Image, place: tuple[int, int], pair: Pair, pixels: Mapping[PairImage, np.ndarray]
) -> None:
    """Draw one pair with its upper left corner at a position: the faces, each with a caption below."""
    draw = ImageDraw.Draw(sheet)
    left, top = place
    colour = GREY if pair.across == ("expression",) else VERMILION
    frame = (left - 3, top - 3, left + 2 * _FACE + _GAP + 2, top + _FACE + 2)
    draw.rectangle(frame, outline=colour, width=3)
    for side, face in enumerate((pair.one, pair.other)):
        x = left + side * (_FACE + _GAP)
        sheet.paste(_enlarged(pixels.get(face)), (x, top))
        lines = (f"{face.subject}, {face.expression}", face.split or "no split", Path(face.name).stem)
        for line, text in enumerate(lines):
            corner = (x, top + _FACE + 5 + 15 * line)
            draw.text(corner, cut_middle(text, 12, _FACE - 4), FAINT if line else INK, font(12))
    differs = f"{pair.distance} bits, across {' and '.join(map(_named, pair.across))}"
    draw.text((left, top + _FACE + 50), differs, fill=colour, font=font(12))


def _named(what: str) -> str:
    return {"expression": "labels"}.get(what, f"{what}s")


def _enlarged(face: np.ndarray | None) -> Image.Image:
    """Return a crop, (h, w) uint8 grey or (h, w, 3) uint8 BGR, enlarged; plain grey for none."""
    if face is None:
        return Image.new("RGB", (_FACE, _FACE), "#e4e7eb")
    cell = cv2.resize(face, (_FACE, _FACE), interpolation=cv2.INTER_CUBIC)
    return Image.fromarray(cv2.cvtColor(cell, cv2.COLOR_GRAY2RGB if cell.ndim == 2 else cv2.COLOR_BGR2RGB))
