"""The contracts of the split and the dataset: who is where, and what a shard of images looks like."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pipeline.core.errors import EmoError
from pipeline.core.paths import DATASET, SPLIT
from pipeline.core.subjectless import check_stands_for, stands_for_image, subjects_mark
from pipeline.core.tables import read_csv

SPLITS = ("train", "validation", "test")

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True)
class SplitRow:
    """One row of data/split.csv."""

    subject: str
    sex: str
    split: str
    "train, validation or test"
    fold: int
    "0 .. folds-1, for cross-validation over subjects"
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        _check_split(self.split)
        check_stands_for(self.extra)

    @property
    def is_image(self) -> bool:
        """Whether this stands for an image of a corpus without subjects, not for a person."""
        return stands_for_image(self.extra)


@dataclass(frozen=True)
class CensusRow:
    """One row of data/census.csv: what a version of the dataset holds of one subject and class."""

    split: str
    subject: str
    expression: str
    clips: int
    images: int
    digest: str
    "first 16 hexadecimal digits of the SHA-256 of the images (clip, frame and PNG), in order"

    def __post_init__(self) -> None:
        _check_split(self.split)


def _check_split(name: str) -> None:
    if name not in SPLITS:
        raise ValueError(f"split: {name!r} is not one of {', '.join(SPLITS)}")


def dataset_schema(expressions: Sequence[str]) -> pa.Schema:
    """Return the schema of a dataset shard; its metadata make `datasets` decode images and classes."""
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
            ("image", IMAGE_TYPE),
            ("label", pa.int64()),
            ("subject", pa.string()),
            ("clip", pa.string()),
            ("frame", pa.int64()),
            ("time_s", pa.float64()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def class_names(schema: pa.Schema, path: Path) -> tuple[str, ...]:
    """Return the expressions of a dataset shard, in the order of its labels.

    Raises EmoError, with the shard's path, where its metadata do not tell them.
    """
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return tuple(features["label"]["names"])
    except (KeyError, TypeError, ValueError):
        raise EmoError(f"{path}: holds no list of classes; run `dvc repro dataset`") from None


def image_name(clip: str, frame: int) -> str:
    """Return the name by which one image is known, in the dataset and in every table about it."""
    return f"{clip}_{frame:06d}.png"


def shard_path(split: str, subject: str, folder: Path = DATASET) -> Path:
    """Return the file of one subject's images."""
    return folder / split / f"{subject}.parquet"


DUPLICATES_SCHEMA = pa.schema(
    [
        ("clip", pa.string()),
        ("frame", pa.int64()),
        ("hash", pa.binary()),
        ("kept", pa.bool_()),
        ("duplicate_of", pa.string()),  # the kept image's name; null where the image itself is kept
        ("distance", pa.int64()),  # bits; null where the image itself is kept
    ]
)

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
"""Kept images that are near-duplicates of each other although somebody or something differs."""


def read_split(path: Path = SPLIT) -> dict[str, SplitRow]:
    """Return the rows of data/split.csv by subject."""
    return {row.subject: row for row in read_csv(path, SplitRow, key="subject")}


def split_mark(rows: Iterable[SplitRow]) -> str:
    """Return what stands beside every figure of these subjects; empty where all are people."""
    kinds = [row.is_image for row in rows]
    return subjects_mark(sum(kinds), len(kinds))
