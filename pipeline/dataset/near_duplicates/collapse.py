"""dataset.near_duplicates.collapse."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np

from pipeline.dataset.near_duplicates.search import collapse, near_pairs
from pipeline.runtime.params import check_range

LEAK_DISTANCE = 31
"""Bits of 256 within which two images are a near pair, however little is to collapse.

Copies of one image are at most 30 bits apart, two people at least 47 (docs/dedup.md calibrates it).
"""


@dataclass(frozen=True)
class DedupParams:
    """params.yaml, section dedup."""

    max_distance: int
    "bits of 256 by which near-duplicates that collapse may differ"
    collapse: bool
    "false keeps every image of a performance; pairs across subjects are recorded all the same"

    def __post_init__(self) -> None:
        check_range("max_distance", self.max_distance, 0, 64)

    @property
    def pair_distance(self) -> int:
        """Return the bits within which near pairs are recorded for the audit."""
        return max(LEAK_DISTANCE, self.max_distance)


@dataclass(frozen=True)
class Face:
    """One accepted face: whose it is, and what is compared."""

    subject: str
    expression: str
    take: str
    clip: str
    frame: int
    sharpness: float
    hash: np.ndarray
    "(4,) uint64"
    is_image: bool = False
    "of a corpus without subjects: the subject is the image itself"

    @property
    def performance(self) -> tuple[str, str, str]:
        """Return what tells performances apart."""
        return (self.subject, self.expression, self.take)

    @property
    def among(self) -> tuple[str, ...]:
        """Return what near-duplicates must share to collapse: the performance, or having no subject."""
        return () if self.is_image else self.performance


@dataclass(frozen=True)
class Judged:
    """A face and the one that stands for it: itself, if it is kept."""

    face: Face
    leader: Face

    @property
    def kept(self) -> bool:
        return self.face is self.leader


Pair = tuple[Face, Face, int, str]
"""Two kept faces, the bits between them, and what differs: subject, label or take."""


def find_duplicates(faces: Sequence[Face], params: DedupParams) -> list[Judged]:
    """Collapse the near-duplicates of every performance, and those among images without a subject.

    The sharpest stays. Sorted by clip and frame.
    """
    judged: list[Judged] = []
    ordered = sorted(faces, key=attrgetter("among", "clip", "frame"))
    for _, group in groupby(ordered, key=attrgetter("among")):
        same = list(group)
        hashes = np.stack([face.hash for face in same])
        sharpness = np.array([face.sharpness for face in same])
        leaders = collapse(hashes, sharpness, params.max_distance) if params.collapse else range(len(same))
        judged += [Judged(face, same[leader]) for face, leader in zip(same, leaders, strict=True)]
    return sorted(judged, key=lambda j: (j.face.clip, j.face.frame))


def find_near_pairs(kept: Sequence[Face], max_distance: int) -> list[Pair]:
    """Return pairs of kept faces within the distance that differ in subject, label or take."""
    if not kept:
        return []
    performances = {name: i for i, name in enumerate(sorted({face.performance for face in kept}))}
    groups = np.array([performances[face.performance] for face in kept])
    left, right, distance = near_pairs(np.stack([face.hash for face in kept]), max_distance, groups=groups)
    return [
        (kept[i], kept[j], int(d), _difference(kept[i], kept[j]))
        for i, j, d in zip(left, right, distance, strict=True)
    ]


def pair_rows(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return pairs as rows of data/near_pairs.parquet."""
    return [
        {
            "clip": a.clip,
            "frame": a.frame,
            "other_clip": b.clip,
            "other_frame": b.frame,
            "distance": distance,
            "across": across,
        }
        for a, b, distance, across in pairs
    ]


def _difference(a: Face, b: Face) -> str:
    if a.subject != b.subject:
        return "subject"
    return "label" if a.expression != b.expression else "take"
