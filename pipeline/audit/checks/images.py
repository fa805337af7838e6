"""Checks of the images themselves: each is the face that the stages cut and kept; nothing else is there."""

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

_REMEDY = "`dvc repro --force --single-item dataset` makes it anew"


@dataclass(frozen=True, slots=True)
class Picture:
    """One image as its shard holds it; its pixels are known by what is made of them here."""

    subject: str
    expression: str
    clip: str
    frame: int
    time_s: float
    name: str
    "under which the shard has it"
    digest: bytes
    "SHA-256 of its PNG"
    hash: np.ndarray
    "perceptual, (4,) uint64"


@dataclass(frozen=True, slots=True)
class Cut:
    """One accepted face as the stage faces cut it."""

    time_s: float
    digest: bytes
    "SHA-256 of its PNG"


def pictures_of(rows: Sequence[Mapping[str, Any]], classes: Sequence[str], shard: Path) -> list[Picture]:
    """Return the images of a shard from its rows; raise EmoError where one cannot be decoded."""
    hashes = perceptual_hashes([_grey(row["image"], shard) for row in rows])
    return [
        Picture(
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


def read_cuts(clip: str) -> dict[Key, Cut]:
    """Return the accepted faces of a clip; none where it has no shard."""
    path = FACES / f"{clip}.parquet"
    if not path.is_file():
        return {}
    rows = read_parquet(path, FACES_SCHEMA, ["frame", "time_s", "status", "png"]).to_pylist()
    return {
        (clip, row["frame"]): Cut(row["time_s"], sha256(row["png"]).digest())
        for row in rows
        if row["status"] == OK
    }


def alike(pictures: Iterable[Picture], clips: Iterable[Clip], distance: int) -> list[dict[str, Any]]:
    """Return the near-duplicates among images, those of one performance left out, as the stage dedup does.

    The pixels decide, not data/near_pairs.parquet, whose rows these are like. Whose an image is, the tables
    of raw/ tell; of a clip that they do not know, its shard.
    """
    known = {clip.clip: clip for clip in clips}
    return pair_rows(find_near_pairs([_face(picture, known) for picture in pictures], distance))


def _face(picture: Picture, known: Mapping[str, Clip]) -> HashedFace:
    clip = known.get(picture.clip)
    whose = (
        (clip.subject, clip.expression, clip.take)
        if clip
        else (picture.subject, picture.expression, picture.clip)
    )
    return HashedFace(*whose, clip=picture.clip, frame=picture.frame, sharpness=0.0, hash=picture.hash)


@check("images match their face crops", Topic.FILES)
def images_as_cut(pictures: Sequence[Picture], cuts: Mapping[Key, Cut], kept: frozenset[Key]) -> Finding:
    """Every image is, byte by byte, the face that was cut from its clip at its frame, kept, there once."""
    times = Counter((picture.clip, picture.frame) for picture in pictures)
    faults = [f"{image_name(*key)}: {count} times" for key, count in times.items() if count > 1]
    for picture in pictures:
        key = (picture.clip, picture.frame)
        if fault := _fault(picture, cuts.get(key), key in kept):
            faults.append(f"{image_name(*key)}: {fault}")
    return verdict(faults, f"{len(pictures):,} images, byte by byte as in {FACES}", _REMEDY)


def _fault(picture: Picture, cut: Cut | None, is_kept: bool) -> str:
    """Return what is wrong with an image; empty where nothing is."""
    shard = f"{FACES}/{picture.clip}.parquet"
    if picture.name != image_name(picture.clip, picture.frame):
        return f"is called {picture.name}"
    if cut is None:
        return f"{shard} has no such face"
    if picture.digest != cut.digest:
        return f"other pixels than in {shard}"
    if picture.time_s != cut.time_s:
        return f"at {picture.time_s:g} s, at {cut.time_s:g} s in {shard}"
    return "" if is_kept else f"not kept by {DUPLICATES}"


@check("no unknown files in the dataset", Topic.FILES)
def nothing_else(files: Iterable[Path], census: Iterable[CensusRow]) -> Finding:
    """Every file below data/dataset is a shard that data/census.csv tells of, the card or croissant.json."""
    known = {shard_path(row.split, row.subject) for row in census} | {DATASET_CARD, CROISSANT}
    found = sorted(files)
    faults = [str(path) for path in found if path not in known]
    return verdict(faults, f"{len(found)} files", "look at them; `dvc checkout --force dataset` removes them")
