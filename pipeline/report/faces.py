"""Face crops of the dataset, as small JPEGs within the page."""

import base64
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from pipeline.dataset.images.params import consent_rule
from pipeline.report.sources import built
from pipeline.runtime.image_codec import decode, encode_jpeg
from pipeline.runtime.paths import DATASET, NEAR_PAIRS
from pipeline.runtime.progress import progress_bar
from pipeline.schema.clips import read_clips
from pipeline.schema.dataset import image_name, read_dataset_shard, shard_paths
from pipeline.schema.duplicates import read_near_pairs
from pipeline.schema.participants import processable, read_participants
from pipeline.schema.subject_tags import subject_tag

_SIDE_PX, _LARGE_PX = 64, 112
"""Longest sides of a face crop in a row and of a single one."""

_QUALITY = 80
_PER_SUBJECT = 8
_PER_CLASS = 320
"""Most face crops of a class (two of each subject if there are more than 160 subjects), to keep the page
small."""

SHOWN_PAIRS = 12


@dataclass(frozen=True)
class FaceImage:
    """One face crop."""

    uri: str
    "Data URI of a JPEG."
    caption: str
    "Clip and second."


@dataclass(frozen=True)
class FaceRow:
    """Some face crops of one subject and one class."""

    subject: str
    split: str
    images: int
    "Number of images of this subject and class in the dataset."
    faces: tuple[FaceImage, ...]


@dataclass(frozen=True)
class FaceImages:
    """All face crops of the page."""

    rows: dict[str, list[FaceRow]]
    "Expression -> one row for every subject with images of it, by split."
    single: dict[str, FaceImage]
    "Image name -> face crop, for the images that were asked for by name."

    @property
    def tag(self) -> str:
        """The tag that names the subjects shown."""
        return subject_tag(row.subject for rows in self.rows.values() for row in rows)


@dataclass(frozen=True)
class NearPair:
    """Two near-duplicate images that differ in subject, label or take."""

    first: str
    "Image name."
    second: str
    distance: int
    "Bits of 256."
    across: str
    "What differs: subject, label or take."


def closest_pairs() -> list[NearPair]:
    """Return the pairs of data/near_pairs.parquet, the closest first."""
    pairs = [
        NearPair(
            image_name(row["clip"], row["frame"]),
            image_name(row["other_clip"], row["other_frame"]),
            row["distance"],
            row["across"],
        )
        for row in read_near_pairs(built(NEAR_PAIRS))
    ]
    return sorted(pairs, key=lambda pair: (pair.distance, pair.first, pair.second))


def read_face_images(wanted: Collection[str], image_subjects: Set[str] = frozenset()) -> FaceImages:
    """Return some face crops of every subject, and the images that are `wanted` by name.

    Subjects without consent are left out, even if a file of the dataset still holds them. Without
    `dataset: consent: required` these are the withdrawn ones. Of
    `image_subjects`, which stand for an image without a subject id, only the wanted images are returned.
    """
    built(DATASET)
    shown = processable(read_participants(), consent_rule())
    owners = {clip.clip: clip.subject for clip in read_clips()}
    wanted_subjects = {owners.get(name.rpartition("_")[0]) for name in wanted}
    shards = [path for path in shard_paths() if path.stem not in image_subjects - wanted_subjects]
    subjects = max(1, sum(path.stem not in image_subjects for path in shards))
    faces = FaceImages({}, {})
    with progress_bar("faces", len(shards)) as advance:
        for shard in shards:
            rows = [row for row in _read(shard) if row["subject"] in shown]
            if shard.stem not in image_subjects:
                limit = max(2, min(_PER_SUBJECT, _PER_CLASS // subjects))
                _add_rows(faces, shard.parent.name, rows, limit)
            _add_single(faces, rows, wanted)
            advance()
    return FaceImages(dict(sorted(faces.rows.items())), faces.single)


def _read(shard: Path) -> list[dict[str, Any]]:
    """Return the rows of a shard, each with the name of its class."""
    found = read_dataset_shard(shard, ["image", "label", "subject", "clip", "time_s"])
    return [row | {"class": found.classes[row["label"]]} for row in found.rows()]


def _add_rows(faces: FaceImages, split: str, rows: Sequence[dict[str, Any]], limit: int) -> None:
    """Add at most `limit` face crops of each subject and class."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["class"], row["subject"]), []).append(row)
    for (name, subject), found in groups.items():
        images = tuple(_face_image(row, _SIDE_PX) for row in evenly(found, limit))
        faces.rows.setdefault(name, []).append(FaceRow(subject, split, len(found), images))


def _add_single(faces: FaceImages, rows: Sequence[dict[str, Any]], wanted: Collection[str]) -> None:
    for row in rows:
        if row["image"]["path"] in wanted:
            faces.single[row["image"]["path"]] = _face_image(row, _LARGE_PX)


def evenly(rows: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Return at most `limit` of the rows, spread evenly over them."""
    count = min(limit, len(rows))
    return [rows[i * len(rows) // count] for i in range(count)]


def _face_image(row: dict[str, Any], side_px: int) -> FaceImage:
    pixels = decode(row["image"]["bytes"])
    scale = min(1.0, side_px / max(pixels.shape[:2]))
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = base64.b64encode(encode_jpeg(pixels, _QUALITY)).decode()
    return FaceImage(f"data:image/jpeg;base64,{data}", f"{row['clip']}, {row['time_s']:.2f} s")
