"""data/dataset/<split>/<subject>.parquet: the images with their labels, and how they are read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.parquet import read_parquet
from pipeline.runtime.paths import DATASET
from pipeline.schema.split import SPLITS

_IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def dataset_schema(expressions: Sequence[str] = ()) -> pa.Schema:
    """Return the schema of a dataset shard; with its metadata, `datasets` decodes images and classes."""
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(expressions), "_type": "ClassLabel"},
        "subject": {"dtype": "string", "_type": "Value"},
        "clip": {"dtype": "string", "_type": "Value"},
        "frame": {"dtype": "int64", "_type": "Value"},
        "time_s": {"dtype": "float64", "_type": "Value"},
    }
    return pa.schema(
        [
            ("image", _IMAGE_TYPE),  # PNG and name
            ("label", pa.int64()),  # position in the alphabetical list of the classes
            ("subject", pa.string()),
            ("clip", pa.string()),
            ("frame", pa.int64()),  # index among the frames that a player shows
            ("time_s", pa.float64()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def image_name(clip: str, frame: int) -> str:
    """Return the name of an image in the dataset and in all tables."""
    return f"{clip}_{frame:06d}.png"


def shard_path(split: str, subject: str, folder: Path = DATASET) -> Path:
    """Return the shard of one subject."""
    return folder / split / f"{subject}.parquet"


def shard_paths(folder: Path = DATASET, split: str = "") -> list[Path]:
    """Return the shards of a dataset, or of one split, in the order of splits and subjects."""
    return [
        path for name in SPLITS if split in ("", name) for path in sorted((folder / name).glob("*.parquet"))
    ]


@dataclass(frozen=True)
class DatasetShard:
    """The images of one subject, as read from their file."""

    path: Path
    "The file."
    classes: tuple[str, ...]
    "The expressions, in the order of their labels."
    table: pa.Table
    "The requested columns."

    @property
    def split(self) -> str:
        """The split, which is the name of the file's folder."""
        return self.path.parent.name

    @property
    def subject(self) -> str:
        """The subject, which is the name of the file."""
        return self.path.stem

    def rows(self) -> list[dict[str, Any]]:
        """Return the images as plain values, column -> value."""
        return list(self.table.to_pylist())


def read_dataset_shard(path: Path, columns: Sequence[str] | None = None) -> DatasetShard:
    """Read columns (by default all) of one shard.

    Raises EmoError if the file is missing or damaged, has no list of classes, or a label that is not in it.
    """
    table = read_parquet(path, dataset_schema(), columns)
    classes = _class_names(table.schema, path)
    if "label" in table.column_names:
        wrong = [label for label in table["label"].to_pylist() if label not in range(len(classes))]
        if wrong:
            raise EmoError(
                f"{path}: label {wrong[0]} is not within 0..{len(classes) - 1}; run `dvc repro dataset`"
            )
    return DatasetShard(
        path, classes, table.select(dataset_schema().names if columns is None else list(columns))
    )


def read_dataset(
    folder: Path = DATASET, split: str = "", columns: Sequence[str] | None = None
) -> list[DatasetShard]:
    """Read all shards of a dataset, or of one split.

    Raises NotBuiltError if there is none, EmoError if one is damaged or has other classes than the first.
    """
    paths = shard_paths(folder, split)
    if not paths:
        raise NotBuiltError(f"{folder / split}: no images; run `dvc repro dataset`")
    shards = [read_dataset_shard(path, columns) for path in paths]
    for shard in shards:
        check_same_classes(shard, shards[0].classes)
    return shards


def check_same_classes(shard: DatasetShard, classes: Sequence[str]) -> None:
    """Raise EmoError if a shard has other classes."""
    if shard.classes != tuple(classes):
        raise EmoError(
            f"{shard.path}: classes {', '.join(shard.classes)} differ from {', '.join(classes)} of the other "
            "shards; run `dvc repro dataset`"
        )


def _class_names(schema: pa.Schema, path: Path) -> tuple[str, ...]:
    try:
        features = parse_json(schema.metadata[b"huggingface"])["info"]["features"]
        return tuple(features["label"]["names"])
    except (KeyError, TypeError, ValueError):
        raise EmoError(f"{path}: holds no list of classes; run `dvc repro dataset`") from None
