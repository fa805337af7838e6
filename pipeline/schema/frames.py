"""data/frames/<clip>.parquet: the sampled frames of a clip, as JPEGs."""

from pathlib import Path

import pyarrow as pa

from pipeline.runtime.paths import FRAMES

FRAMES_SCHEMA = pa.schema(
    [
        ("frame", pa.int64()),  # index among the frames that a player shows
        ("time_s", pa.float64()),  # seconds of the player's clock: what a player or ELAN shows
        ("jpeg", pa.binary()),
    ]
)


def frames_path(clip: str) -> Path:
    """Return the shard of one clip."""
    return FRAMES / f"{clip}.parquet"
