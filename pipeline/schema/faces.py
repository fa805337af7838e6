"""data/faces/<clip>.parquet: one row per sampled frame, with its status and, if it is `ok`, the face crop."""

import math
from pathlib import Path

import pyarrow as pa

from pipeline.runtime.parquet import read_parquet
from pipeline.runtime.paths import FACES
from pipeline.schema.clips import Clip

FACES_SCHEMA = pa.schema(
    [
        ("frame", pa.int64()),  # index among the frames that a player shows
        ("time_s", pa.float64()),
        ("status", pa.string()),  # one of STATUSES
        ("x", pa.float64()),  # bounding box, pixels of the recording; null without a face
        ("y", pa.float64()),
        ("w", pa.float64()),
        ("h", pa.float64()),
        ("score", pa.float64()),  # of the detector
        ("sharpness", pa.float64()),  # variance of the Laplacian of the crop
        ("png", pa.binary()),  # face crop; empty if there is none
        ("hash", pa.binary()),  # perceptual hash, 32 bytes; empty if there is no crop
    ]
)

OK, NO_FACE, SEVERAL_FACES, TOO_SMALL, BLURRED = "ok", "no_face", "several_faces", "too_small", "blurred"

STATUSES = (OK, NO_FACE, SEVERAL_FACES, TOO_SMALL, BLURRED)
"""Possible statuses of a sampled frame; `pipeline.schema.funnel` has their meanings."""


def largest_min_face(width_px: float, clip: Clip) -> float:
    """Return the largest `faces: tracking: min_face` that accepts a face of this width, rounded down.

    Args:
        width_px: Width of the face's box, pixels of the recording.
        clip: Its clip; `min_face` is a share of the short side of the recording.
    """
    return math.floor(1000 * width_px / min(clip.width, clip.height)) / 1000


def faces_path(clip: str, folder: Path = FACES) -> Path:
    """Return the shard of one clip."""
    return folder / f"{clip}.parquet"


def read_faces(clip: str, columns: list[str]) -> pa.Table:
    """Read columns of one clip's shard; raise EmoError if it is missing or damaged."""
    return read_parquet(faces_path(clip), FACES_SCHEMA, columns)
