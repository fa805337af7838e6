"""Collapse near-duplicates of one performance to the sharpest face, and list the near pairs that remain."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import numpy as np

from pipeline.dataset.near_duplicates.hashed_faces import HashedFace
from pipeline.dataset.near_duplicates.search import near_pairs, representatives
from pipeline.faces.perceptual_hash import hamming, hash_bytes
from pipeline.runtime.params import Checked, Within
from pipeline.schema.dataset import image_name

LEAK_DISTANCE = 31
"""Two images within this distance (bits of 256) are a near pair, even if `max_distance` is smaller.

Copies of one image are at most 30 bits apart, different subjects at least 47 (docs/dedup.md calibrates it).
"""


@dataclass(frozen=True)
class DedupParams(Checked):
    """Which near-duplicates collapse to the sharpest of them."""

    max_distance: Annotated[int, Within(0, 64)]
    "Largest distance of near-duplicates that collapse, bits of 256."
    collapse: bool
    "False keeps every image of a performance; near pairs are recorded in either case."

    @property
    def pair_distance(self) -> int:
        """The distance within which near pairs are recorded for the audit, bits."""
        return max(LEAK_DISTANCE, self.max_distance)


@dataclass(frozen=True)
class CollapsedFace:
    """A face and the face that represents it in the dataset: itself, if it is kept."""

    face: HashedFace
    representative: HashedFace

    @property
    def kept(self) -> bool:
        """Whether the face stays in the dataset."""
        return self.face is self.representative


class NearPair(NamedTuple):
    """Two kept faces that are near-duplicates although they belong to different performances."""

    face: HashedFace
    other: HashedFace
    distance: int
    "Bits."
    across: str
    "The first of these that differs: subject, label or take."


def find_duplicates(faces: Sequence[HashedFace], params: DedupParams) -> list[CollapsedFace]:
    """Collapse the near-duplicates within each performance, and among images without a subject.

    The sharpest face of each group is kept. Sorted by clip and frame.
    """
    collapsed: list[CollapsedFace] = []
    ordered = sorted(faces, key=attrgetter("collapse_group", "clip", "frame"))
    for _, members in groupby(ordered, key=attrgetter("collapse_group")):
        group = list(members)
        chosen: Sequence[int] = range(len(group))
        if params.collapse:
            hashes = np.stack([face.hash for face in group])
            sharpness = np.array([face.sharpness for face in group])
            chosen = representatives(hashes, sharpness, params.max_distance).tolist()
        collapsed += [CollapsedFace(face, group[i]) for face, i in zip(group, chosen, strict=True)]
    return sorted(collapsed, key=lambda item: (item.face.clip, item.face.frame))


def find_near_pairs(kept: Sequence[HashedFace], max_distance: int) -> list[NearPair]:
    """Return the pairs of kept faces of different performances within `max_distance` bits."""
    if not kept:
        return []
    numbers = {name: i for i, name in enumerate(sorted({face.performance for face in kept}))}
    groups = np.array([numbers[face.performance] for face in kept])
    left, right, distance = near_pairs(np.stack([face.hash for face in kept]), max_distance, groups=groups)
    return [
        NearPair(kept[i], kept[j], int(d), _difference(kept[i], kept[j]))
        for i, j, d in zip(left, right, distance, strict=True)
    ]


def duplicate_rows(collapsed: Sequence[CollapsedFace]) -> list[dict[str, Any]]:
    """Return the faces as rows of data/duplicates.parquet."""
    hashes = np.array([item.face.hash for item in collapsed], np.uint64).reshape(-1, 4)
    targets = np.array([item.representative.hash for item in collapsed], np.uint64).reshape(-1, 4)
    rows = []
    for item, digest, distance in zip(
        collapsed, hash_bytes(hashes), hamming(hashes, targets).tolist(), strict=True
    ):
        row = {"clip": item.face.clip, "frame": item.face.frame, "hash": digest, "kept": item.kept}
        if not item.kept:
            name = image_name(item.representative.clip, item.representative.frame)
            row |= {"duplicate_of": name, "distance": distance}
        rows.append(row)
    return rows


def pair_rows(pairs: Sequence[NearPair]) -> list[dict[str, Any]]:
    """Return pairs as rows of data/near_pairs.parquet."""
    return [
        {
            "clip": pair.face.clip,
            "frame": pair.face.frame,
            "other_clip": pair.other.clip,
            "other_frame": pair.other.frame,
            "distance": pair.distance,
            "across": pair.across,
        }
        for pair in pairs
    ]


def _difference(face: HashedFace, other: HashedFace) -> str:
    if face.subject != other.subject:
        return "subject"
    return "label" if face.expression != other.expression else "take"
