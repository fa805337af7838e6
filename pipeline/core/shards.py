"""The Parquet contracts of data/frames and data/faces: one shard a clip."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import EmoError

FRAMES_SCHEMA = pa.schema([("frame", pa.int64()), ("time_s", pa.float64()), ("jpeg", pa.binary())])

FACES_SCHEMA = pa.schema(
    [
        ("frame", pa.int64()),
        ("time_s", pa.float64()),
        ("status", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("w", pa.float64()),
        ("h", pa.float64()),
        ("score", pa.float64()),
        ("sharpness", pa.float64()),
        ("png", pa.binary()),
        ("hash", pa.binary()),  # perceptual, 32 bytes; empty where there is no crop
    ]
)

OK = "ok"
STATUSES = (OK, "no_face", "several_faces", "too_small", "blurred")
"""What becomes of a sampled frame."""

_KEY = "emo"


def add_facts(writer: pq.ParquetWriter, facts: dict[str, Any]) -> None:
    """Put facts about the whole clip into a shard's metadata, as JSON."""
    writer.add_key_value_metadata({_KEY: json.dumps(facts, sort_keys=True)})


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts about the whole clip that a shard carries; raise EmoError where they are damaged."""
    metadata = pq.read_metadata(path).metadata or {}
    try:
        facts: dict[str, Any] = json.loads(metadata.get(_KEY.encode(), b"{}"))
    except ValueError:
        raise EmoError(
            f"{path}: what it tells of its clip is damaged; remove it and run `dvc repro`"
        ) from None
    return facts


def shard_names(folder: Path) -> list[str]:
    """Return the clips that have a shard in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.parquet"))
