"""data/duplicates.parquet and data/near_pairs.parquet: the near-duplicates among all face crops."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.runtime.parquet import read_parquet
from pipeline.runtime.paths import DUPLICATES, NEAR_PAIRS

DUPLICATES_SCHEMA = pa.schema(
    [
        ("clip", pa.string()),
        ("frame", pa.int64()),
        ("hash", pa.binary()),
        ("kept", pa.bool_()),
        ("duplicate_of", pa.string()),  # name of the kept image; null if this image is kept
        ("distance", pa.int64()),  # bits; null if this image is kept
    ]
)
"""One row per accepted face crop."""

NEAR_PAIRS_SCHEMA = pa.schema(
    [
        ("clip", pa.string()),
        ("frame", pa.int64()),
        ("other_clip", pa.string()),
        ("other_frame", pa.int64()),
        ("distance", pa.int64()),
        ("across", pa.string()),  # subject, label or take: the first of these that differs
    ]
)
"""One row per pair of kept images that are near-duplicates across subjects, labels or takes."""


def read_duplicates(columns: list[str] | None = None, path: Path = DUPLICATES) -> pa.Table:
    """Return columns (by default all) of data/duplicates.parquet."""
    return read_parquet(path, DUPLICATES_SCHEMA, columns)


def read_near_pairs(path: Path = NEAR_PAIRS) -> list[dict[str, Any]]:
    """Return the rows of data/near_pairs.parquet."""
    return list(read_parquet(path, NEAR_PAIRS_SCHEMA).to_pylist())
