"""Faces of the dataset as pictures that a page can hold."""

import base64
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from pipeline.report.sources import built
from pipeline.runtime.image_codec import decode, encode_jpeg
from pipeline.runtime.paths import DATASET, NEAR_PAIRS
from pipeline.runtime.progress import progress_bar
from pipeline.schema.clips import read_clips
from pipeline.schema.dataset import image_name, read_dataset_shard, shard_paths
from pipeline.schema.duplicates import read_near_pairs as near_pair_rows
from pipeline.schema.participants import consenting, read_participants
from pipeline.schema.subject_tags import subject_tag

_SIDE_PX, _LARGE_PX = 64, 112
"""Longest sides of a face in a row and of one that stands alone."""

_QUALITY = 80
_PER_SUBJECT = 8
_PER_CLASS = 320
"""Faces of one class at most (of more than 160 people two each), so that the page stays small."""

SHOWN_PAIRS = 12


@dataclass(frozen=True)
class Face:
    """One face of the dataset."""

    picture: str
    "data URI of a JPEG"
    about: str
    "clip and second"


@dataclass(frozen=True)
class FaceRow:
    """Some of the faces of one person in one class."""

    subject: str
    split: str
    images: int
    "that there are"
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Faces:
    """The pictures of a report."""

    rows: dict[str, list[FaceRow]]
    "expression -> a row for every person who has images of it, by split"
    single: dict[str, Face]
    "image name -> its face: those asked for by name"

    @property
    def tag(self) -> str:
        """The tag of all subjects whom the images show."""
        return subject_tag(row.subject for rows in self.rows.values() for row in rows)


@dataclass(frozen=True)
class NearPair:
    """Two images that look almost the same although somebody or something differs."""

    first: str
    "image name"
    second: str
    distance: int
    "bits of 256"
    across: str
    "what differs: subject, label or take"


def read_near_pairs() -> list[NearPair]:
    """Return the pairs of data/near_pairs.parquet, the closest first."""
    rows = near_pair_rows(built(NEAR_PAIRS))
    pairs = [
        NearPair(
            image_name(row["clip"], row["frame"]),
            image_name(row["other_clip"], row["other_frame"]),
            row["distance"],
            row["across"],
        )
        for row in rows
    ]
    return sorted(pairs, key=lambda pair: (pair.distance, pair.first, pair.second))


def read_faces(wanted: Collection[str], alone: Set[str] = frozenset()) -> Faces:
    """Return some faces of everybody, and those images that are `wanted` by name.

    Those who do not consent are not shown, even if the dataset still holds them, in whatever file. Of the
    subjects `alone`, images of nobody known, only the wanted ones are.
    """
    built(DATASET)
    given = consenting(read_participants())
    shards = shard_paths()
    owners = {clip.clip: clip.subject for clip in read_clips()}
    named = {owners.get(name.rpartition("_")[0]) for name in wanted}
    shards = [path for path in shards if path.stem not in alone - named]
    people = max(1, sum(path.stem not in alone for path in shards))
    faces = Faces({}, {})
    with progress_bar("faces", len(shards)) as advance:
        for shard in shards:
            rows = [row for row in _read(shard) if row["subject"] in given]
            limit = 0 if shard.stem in alone else max(2, min(_PER_SUBJECT, _PER_CLASS // people))
            _add(faces, shard.parent.name, rows, limit, wanted)
            advance()
    return Faces(dict(sorted(faces.rows.items())), faces.single)


def _read(shard: Path) -> list[dict[str, Any]]:
    """Return the rows of a shard, each with the name of its class."""
    columns = ["image", "label", "subject", "clip", "time_s"]
    found = read_dataset_shard(shard, columns)
    return [row | {"class": found.classes[row["label"]]} for row in found.rows()]


def _add(
    faces: Faces, split: str, rows: Sequence[dict[str, Any]], limit: int, wanted: Collection[str]
) -> None:
    """Add faces of one shard: at most `limit` of each person and class, and the wanted ones."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["class"], row["subject"]), []).append(row)
    for (name, subject), found in groups.items() if limit else ():
        shown = tuple(_face(row, _SIDE_PX) for row in evenly(found, limit))
        faces.rows.setdefault(name, []).append(FaceRow(subject, split, len(found), shown))
    chosen = [row for row in rows if row["image"]["path"] in wanted]
    faces.single.update((row["image"]["path"], _face(row, _LARGE_PX)) for row in chosen)


def evenly(rows: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Return at most `limit` of the rows, spread evenly over them."""
    count = min(limit, len(rows))
    return [rows[i * len(rows) // count] for i in range(count)]


def _face(row: dict[str, Any], side_px: int) -> Face:
    pixels = decode(row["image"]["bytes"])
    scale = min(1.0, side_px / max(pixels.shape[:2]))
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = base64.b64encode(encode_jpeg(pixels, _QUALITY)).decode()
    return Face(f"data:image/jpeg;base64,{data}", f"{row['clip']}, {row['time_s']:.2f} s")
