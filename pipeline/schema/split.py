"""data/split.csv: the split and the fold of every subject."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.paths import SPLIT
from pipeline.schema.image_subjects import check_stands_for, stands_for_image, subject_caveat

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class SplitRow:
    """One row of data/split.csv."""

    subject: str
    sex: str
    "As in raw/participants.csv."
    split: str
    "One of SPLITS."
    fold: int
    "Fold for cross-validation over subjects, 0 .. folds - 1."
    extra: dict[str, str] = field(default_factory=dict, compare=False)
    "Further columns, kept as they are."

    def __post_init__(self) -> None:
        check_split(self.split)
        check_stands_for(self.extra)

    @property
    def is_image(self) -> bool:
        """Whether the subject stands for a single image of a corpus without subject ids."""
        return stands_for_image(self.extra)


def check_split(name: str) -> None:
    """Raise ValueError unless `name` is one of SPLITS."""
    if name not in SPLITS:
        raise ValueError(f"split: {name!r} is not one of {', '.join(SPLITS)}")


def read_split(path: Path = SPLIT) -> dict[str, SplitRow]:
    """Return the rows of data/split.csv by subject."""
    return {row.subject: row for row in read_csv(path, SplitRow, key="subject", made_by="split")}


def split_caveat(rows: Iterable[SplitRow]) -> str:
    """Return the caveat of all metrics of these subjects; empty if none stands for an image."""
    kinds = [row.is_image for row in rows]
    return subject_caveat(sum(kinds), len(kinds))
