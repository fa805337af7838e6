"""Frames, images and people: what the tables of the dataset tell."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pipeline.report.sources import read_table
from pipeline.runtime.paths import CENSUS, FUNNEL, SPLIT
from pipeline.schema.census import CensusRow
from pipeline.schema.funnel import FunnelRow, funnel_totals
from pipeline.schema.image_subjects import POOLED, full_caveat
from pipeline.schema.split import SPLITS, SplitRow, read_split, split_caveat

Row = TypeVar("Row", FunnelRow, CensusRow)

MEANINGS = {
    "sampled": "pictures that were looked at",
    "corrupt": "the recording is damaged there",
    "no_face": "no frontal face was found",
    "several_faces": "more than one person could be meant",
    "too_small": "the face has too few pixels",
    "blurred": "the face is less sharp than asked for",
    "duplicates": "a sharper image that looks almost the same stands for it",
    "other_class": "its expression is not one of the classes",
    "images": "what the dataset holds",
}
"""What the counts of the funnel mean."""

SEXES = {"F": "F", "M": "M", "X": "X", "": "not told"}


@dataclass(frozen=True)
class FunnelStep:
    """One row of the funnel."""

    name: str
    meaning: str
    count: int
    share: float
    "of the sampled frames"
    start: float
    "share of the frames that are left after it: where its bar starts"
    is_loss: bool


@dataclass(frozen=True)
class Funnel:
    """What became of the sampled frames."""

    steps: tuple[FunnelStep, ...]
    subjects: tuple[tuple[str, str, dict[str, int]], ...]
    "(subject, split, its counts)"


@dataclass(frozen=True)
class SubjectImages:
    """How many images of each class one person gives."""

    subject: str
    split: str
    images: tuple[int, ...]
    "in the order of the classes"


@dataclass(frozen=True)
class Census:
    """How many images there are."""

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[int, ...]]
    "split -> images of each class"
    subjects: tuple[SubjectImages, ...]
    "images without a subject as one for each split"
    people: int
    "how many subjects there are, each image without one counted as its own"

    @property
    def images(self) -> int:
        """How many images the dataset has."""
        return sum(map(sum, self.splits.values()))

    @property
    def most_of_one(self) -> SubjectImages:
        """The person who gives the most images."""
        return max(self.subjects, key=lambda row: sum(row.images))


@dataclass(frozen=True)
class Group:
    """The people of one split."""

    split: str
    people: tuple[SplitRow, ...]
    share: float | None
    "of the people that it should have; None where no setting is known"
    by_sex: Mapping[str, tuple[int, int]]
    "sex -> how many are here, how many there are in all splits"

    def quota(self, people: int) -> float | None:
        """Return how many of so many people should be here."""
        return None if self.share is None else self.share * people


@dataclass(frozen=True)
class Splits:
    """Who is where."""

    groups: tuple[Group, ...]
    total: int
    "people in all splits"


def read_subjects() -> tuple[frozenset[str], str]:
    """Return the subjects that are images of nobody known, and the mark of all figures, if any."""
    rows = read_split().values() if SPLIT.is_file() else ()
    return frozenset(row.subject for row in rows if row.is_image), full_caveat(split_caveat(rows))


def _pooled(rows: Sequence[Row], alone: Set[str]) -> list[Row]:
    """Return the rows with one name for all subjects that are images."""
    return [replace(row, subject=POOLED) if row.subject in alone else row for row in rows]


def read_funnel(alone: Set[str] = frozenset()) -> Funnel:
    """Read reports/funnel.csv; subjects `alone` are images of nobody known."""
    rows = _pooled(read_table(FUNNEL, FunnelRow), alone)
    people: dict[tuple[str, str], list[FunnelRow]] = {}
    for row in rows:
        people.setdefault((row.subject, row.split), []).append(row)
    subjects = [(*key, funnel_totals(group)) for key, group in sorted(people.items())]
    return Funnel(funnel_steps(funnel_totals(rows)), tuple(subjects))


def funnel_steps(totals: Mapping[str, int]) -> tuple[FunnelStep, ...]:
    """Return the rows of the funnel: each loss takes its part off the end of what was left."""
    left = whole = max(totals["sampled"], 1)
    steps = []
    for name, count in totals.items():
        is_loss = name not in ("sampled", "images")
        left -= count if is_loss else 0
        start = left / whole if is_loss else 0.0
        steps.append(FunnelStep(name.replace("_", " "), MEANINGS[name], count, count / whole, start, is_loss))
    return tuple(steps)


def read_census(alone: Set[str] = frozenset()) -> Census:
    """Read data/census.csv; subjects `alone` are images of nobody known."""
    rows = read_table(CENSUS, CensusRow)
    return census_of(_pooled(rows, alone), len({row.subject for row in rows}))


def census_of(rows: Sequence[CensusRow], subjects: int) -> Census:
    """Return the images by split and class, and by person and class; `subjects` is how many there are."""
    classes = tuple(sorted({row.expression for row in rows}))
    people = sorted({(SPLITS.index(row.split), row.subject) for row in rows})

    def of(at: int, name: str) -> list[CensusRow]:
        return [row for row in rows if (row.split, row.subject) == (SPLITS[at], name)]

    return Census(
        classes=classes,
        splits={split: _images([row for row in rows if row.split == split], classes) for split in SPLITS},
        subjects=tuple(
            SubjectImages(name, SPLITS[at], _images(of(at, name), classes)) for at, name in people
        ),
        people=subjects,
    )


def _images(rows: Sequence[CensusRow], classes: Sequence[str]) -> tuple[int, ...]:
    return tuple(sum(row.images for row in rows if row.expression == name) for name in classes)


def read_splits(settings: Mapping[str, Any]) -> Splits:
    """Read data/split.csv; `settings` are those that it was made with, by dotted key."""
    rows = read_table(SPLIT, SplitRow)
    shares = split_shares(settings)
    return Splits(tuple(_group(split, rows, shares.get(split)) for split in SPLITS), len(rows))


def split_shares(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the share of people that each split should have; empty where it is not known."""
    held_out = {split: settings.get(f"split.{split}") for split in ("validation", "test")}
    shares = {split: float(share) for split, share in held_out.items() if share is not None}
    return shares | {"train": 1 - sum(shares.values())} if len(shares) == 2 else {}


def _group(split: str, rows: Sequence[SplitRow], share: float | None) -> Group:
    here = [row for row in rows if row.split == split]
    everywhere, inside = (Counter(row.sex for row in some) for some in (rows, here))
    by_sex = {name: (inside[sex], everywhere[sex]) for sex, name in SEXES.items() if everywhere[sex]}
    return Group(split, tuple(sorted(here, key=lambda row: row.subject)), share, by_sex)
