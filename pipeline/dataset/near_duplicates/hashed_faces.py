"""The accepted faces of data/faces as the search for near-duplicates compares them: by perceptual hash."""

from dataclasses import dataclass

import numpy as np

from pipeline.faces.perceptual_hash import hashes_from_bytes
from pipeline.schema.clips import Clip
from pipeline.schema.faces import OK, read_faces


@dataclass(frozen=True)
class HashedFace:
    """One accepted face crop: its origin, its sharpness and its perceptual hash."""

    subject: str
    expression: str
    take: str
    clip: str
    frame: int
    "Index in the recording's stream."
    sharpness: float
    "Variance of the Laplacian of the crop."
    hash: np.ndarray
    "(4,) uint64."
    is_image: bool = False
    "Whether the subject stands for a single image of a corpus without subject ids."

    @property
    def performance(self) -> tuple[str, str, str]:
        """The performance that the face belongs to: subject, expression and take."""
        return (self.subject, self.expression, self.take)

    @property
    def collapse_group(self) -> tuple[str, ...]:
        """Faces of one group may collapse: those of a performance, or all images without a subject."""
        return () if self.is_image else self.performance


def read_hashed_faces(clip: Clip, *, is_image: bool = False) -> list[HashedFace]:
    """Read the accepted faces of one clip from its shard in data/faces.

    Raises EmoError if the shard is missing or damaged.
    """
    rows = read_faces(clip.clip, ["frame", "status", "sharpness", "hash"]).to_pylist()
    accepted = [row for row in rows if row["status"] == OK]
    hashes = hashes_from_bytes([row["hash"] for row in accepted])
    origin = (clip.subject, clip.expression, clip.take, clip.clip)
    return [
        HashedFace(*origin, row["frame"], row["sharpness"], hash_, is_image)
        for row, hash_ in zip(accepted, hashes, strict=True)
    ]
