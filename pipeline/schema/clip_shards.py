"""The shards of data/frames and data/faces: one file per clip, with facts about the clip in its metadata."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.runtime.errors import EmoError
from pipeline.runtime.json_files import parse_json

_KEY = "emo"


def add_facts(writer: pq.ParquetWriter, facts: dict[str, Any]) -> None:
    """Write facts about the whole clip into the metadata of a shard, as JSON."""
    writer.add_key_value_metadata({_KEY: json.dumps(facts, sort_keys=True)})


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts about the clip from the metadata of a shard; raise EmoError if they are damaged."""
    metadata = pq.read_metadata(path).metadata or {}
    try:
        facts: dict[str, Any] = parse_json(metadata.get(_KEY.encode(), b"{}"))
    except ValueError:
        raise EmoError(f"{path}: damaged metadata; remove the file and run `dvc repro`") from None
    return facts


def shard_names(folder: Path) -> list[str]:
    """Return the clips that have a shard in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.parquet"))
