"""Near-duplicates of images that took the place of an excluded face.

data/near_pairs.parquet lists pairs of the faces that the stage dedup kept. If a decision excludes such a
face, another face of its group becomes an image, whose near-duplicates have to be searched for.
"""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from pipeline.dataset.near_duplicates.search import near_pairs_of
from pipeline.faces.perceptual_hash import hashes_from_bytes
from pipeline.schema.clips import Clip
from pipeline.schema.duplicates import read_duplicates

Key = tuple[str, int]
"""Clip and frame of an image."""


def elected_pairs(images: Collection[Key], clips: Iterable[Clip], max_distance: int) -> list[dict[str, Any]]:
    """Return the near pairs of those images that dedup did not keep, by clip, frame and distance.

    Pairs within one performance are left out, as in data/near_pairs.parquet.
    """
    performances = {clip.clip: (clip.subject, clip.expression, clip.take) for clip in clips}
    faces = [
        (key, row)
        for row in read_duplicates(["clip", "frame", "hash", "kept"]).to_pylist()
        if (key := (row["clip"], row["frame"])) in images and row["clip"] in performances
    ]
    elected = np.flatnonzero([not row["kept"] for _, row in faces])
    if not len(elected):
        return []
    numbers = {name: number for number, name in enumerate(sorted(set(performances.values())))}
    groups = np.array([numbers[performances[clip]] for (clip, _), _ in faces])
    hashes = hashes_from_bytes([row["hash"] for _, row in faces])
    pairs = near_pairs_of(elected, hashes, max_distance, groups=groups)
    return [
        {
            "clip": faces[i][0][0],
            "frame": faces[i][0][1],
            "other_clip": faces[j][0][0],
            "other_frame": faces[j][0][1],
            "distance": int(bits),
        }
        for i, j, bits in zip(*pairs, strict=True)
    ]
