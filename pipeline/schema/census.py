"""data/census.csv: the number of images of each subject and expression in a version of the dataset."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.paths import CENSUS
from pipeline.schema.split import check_split


@dataclass(frozen=True)
class CensusRow:
    """One row of data/census.csv."""

    split: str
    subject: str
    expression: str
    clips: int
    "Number of clips with an image."
    images: int
    "Number of images."
    digest: str
    "First 16 hexadecimal digits of the SHA-256 of the images (name and PNG), in order."

    def __post_init__(self) -> None:
        check_split(self.split)


def read_census(path: Path = CENSUS) -> list[CensusRow]:
    """Return the rows of data/census.csv."""
    return read_csv(path, CensusRow, made_by="dataset")
