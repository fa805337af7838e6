"""Checks of the images themselves: each is a face crop that was kept, and there are no unknown files."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audit.gate.check import Finding, Topic, check, verdict
from pipeline.dataset.near_duplicates.collapse import find_near_pairs, pair_rows
from pipeline.dataset.near_duplicates.hashed_faces import HashedFace
from pipeline.faces.perceptual_hash import perceptual_hashes
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import as_grey, decode
from pipeline.runtime.parquet import read_parquet
from pipeline.runtime.paths import CROISSANT, DATASET_CARD, DUPLICATES, FACES
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name, shard_path
from pipeline.schema.faces import FACES_SCHEMA, OK

Key = tuple[str, int]
"""Clip and frame of an image."""

_REMEDY = "`dvc repro --force --single-item dataset` rebuilds it"


@dataclass(frozen=True, slots=True)
class HashedImage:
    """One image as its shard holds it, with the digest and the perceptual hash of its pixels."""

    subject: str
    expression: str
    clip: str
    frame: int
    time_s: float
    name: str
    "Name by which the shard lists it."
    digest: bytes
    "SHA-256 of its PNG."
    hash: np.ndarray
    "Perceptual hash, (4,) uint64."


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """One accepted face crop as the stage faces wrote it."""

    time_s: float
    digest: bytes
    "SHA-256 of its PNG."


def hashed_images(
    rows: Sequence[Mapping[str, Any]], classes: Sequence[str], shard: Path
) -> list[HashedImage]:
    """Return the images of a shard from its rows; raise EmoError if one cannot be decoded."""
    hashes = perceptual_hashes([_grey(row["image"], shard) for row in rows])
    return [
        HashedImage(
            subject=row["subject"],
            expression=classes[row["label"]],
            clip=row["clip"],
            frame=row["frame"],
            time_s=row["time_s"],
            name=row["image"]["path"],
            digest=sha256(row["image"]["bytes"]).digest(),
            hash=found,
        )
        for row, found in zip(rows, hashes, strict=True)
    ]


def _grey(image: Mapping[str, Any], shard: Path) -> np.ndarray:
    try:
        return as_grey(decode(image["bytes"]))
    except EmoError:
        raise EmoError(f"{shard}: {image['path']}: not a readable image; run `dvc repro dataset`") from None


def read_face_crops(clip: str) -> dict[Key, FaceCrop]:
    """Return the accepted face crops of a clip; none if it has no shard."""
    path = FACES / f"{clip}.parquet"
    if not path.is_file():
        return {}
    rows = read_parquet(path, FACES_SCHEMA, ["frame", "time_s", "status", "png"]).to_pylist()
    return {
        (clip, row["frame"]): FaceCrop(row["time_s"], sha256(row["png"]).digest())
        for row in rows
        if row["status"] == OK
    }


def alike(images: Iterable[HashedImage], clips: Iterable[Clip], distance: int) -> list[dict[str, Any]]:
    """Return the near-duplicates among images, as rows of data/near_pairs.parquet, found again from the
    pixels.

    Pairs within one performance are left out, as in the stage dedup. Subject, expression and take are those
    of the tables of raw/; for a clip that is not listed there, those of its shard.
    """
    known = {clip.clip: clip for clip in clips}
    return pair_rows(find_near_pairs([_face(image, known) for image in images], distance))


def _face(image: HashedImage, known: Mapping[str, Clip]) -> HashedFace:
    clip = known.get(image.clip)
    whose = (
        (clip.subject, clip.expression, clip.take) if clip else (image.subject, image.expression, image.clip)
    )
    return HashedFace(*whose, clip=image.clip, frame=image.frame, sharpness=0.0, hash=image.hash)


@check("images match their face crops", Topic.FILES)
def images_as_cut(
    hashed: Sequence[HashedImage], crops: Mapping[Key, FaceCrop], kept: frozenset[Key]
) -> Finding:
    """Every image is, byte by byte, a kept face crop of its clip and frame, and is there once."""
    times = Counter((image.clip, image.frame) for image in hashed)
    violations = [f"{image_name(*key)}: {count} times" for key, count in times.items() if count > 1]
    for image in hashed:
        key = (image.clip, image.frame)
        if violation := _violation(image, crops.get(key), key in kept):
            violations.append(f"{image_name(*key)}: {violation}")
    return verdict(violations, f"{len(hashed):,} images, byte by byte as in {FACES}", _REMEDY)


def _violation(image: HashedImage, crop: FaceCrop | None, is_kept: bool) -> str:
    """Return the violation of an image; empty if there is none."""
    shard = f"{FACES}/{image.clip}.parquet"
    if image.name != image_name(image.clip, image.frame):
        return f"is named {image.name}"
    if crop is None:
        return f"{shard} has no such face crop"
    if image.digest != crop.digest:
        return f"differs from the face crop in {shard}"
    if image.time_s != crop.time_s:
        return f"at {image.time_s:g} s, but at {crop.time_s:g} s in {shard}"
    return "" if is_kept else f"{DUPLICATES} lists it as a near-duplicate"


@check("no unknown files in the dataset", Topic.FILES)
def nothing_else(files: Iterable[Path], census: Iterable[CensusRow]) -> Finding:
    """Every file below data/dataset is a shard listed in data/census.csv, the card or croissant.json."""
    known = {shard_path(row.split, row.subject) for row in census} | {DATASET_CARD, CROISSANT}
    found = sorted(files)
    violations = [str(path) for path in found if path not in known]
    return verdict(
        violations, f"{len(found)} files", "check them; `dvc checkout --force dataset` removes them"
    )
