"""Counts of frames, images and subjects, from the tables of the dataset."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pipeline.dataset.card.decisions import DecisionCounts, count_decisions
from pipeline.dataset.images.selection import excluded_frames
from pipeline.report.sources import read_table
from pipeline.runtime.paths import CENSUS, FUNNEL, SPLIT
from pipeline.schema.census import CensusRow, read_census
from pipeline.schema.funnel import STATUS_MEANINGS, FunnelRow, funnel_totals, read_funnel
from pipeline.schema.image_subjects import POOLED, full_caveat
from pipeline.schema.split import SPLITS, SplitRow, read_split, split_caveat
from pipeline.versions.version import Version

Row = TypeVar("Row", FunnelRow, CensusRow)

SEXES = {"F": "F", "M": "M", "X": "X", "": "not stated"}


@dataclass(frozen=True)
class FunnelStep:
    """One row of the funnel."""

    name: str
    meaning: str
    count: int
    share: float
    "Of the sampled frames."
    start: float
    "Share of the frames that are left after this step, at which its bar starts."
    is_loss: bool


@dataclass(frozen=True)
class Funnel:
    """The sampled frames by status."""

    steps: tuple[FunnelStep, ...]
    subjects: tuple[tuple[str, str, dict[str, int]], ...]
    "(subject, split, count by status)."


@dataclass(frozen=True)
class SubjectImages:
    """The number of images of one subject."""

    subject: str
    split: str
    images: tuple[int, ...]
    "In the order of the classes."


@dataclass(frozen=True)
class ImageCounts:
    """The number of images by split, class and subject."""

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[int, ...]]
    "Split -> images of each class."
    subjects: tuple[SubjectImages, ...]
    "All images of a split that have no subject id share one entry."
    subject_count: int
    "Number of subjects; each image without a subject id counts as one."

    @property
    def images(self) -> int:
        """Number of images of the dataset."""
        return sum(map(sum, self.splits.values()))

    @property
    def largest_subject(self) -> SubjectImages:
        """The subject with the most images."""
        return max(self.subjects, key=lambda row: sum(row.images))


@dataclass(frozen=True)
class SplitSubjects:
    """The subjects of one split."""

    split: str
    subjects: tuple[SplitRow, ...]
    share: float | None
    "Share of all subjects that the split should have; None if the setting is unknown."
    by_sex: Mapping[str, tuple[int, int]]
    "Sex -> (subjects of the split, subjects of all splits)."

    def quota(self, subjects: int) -> float | None:
        """Return how many of this number of subjects the split should have."""
        return None if self.share is None else self.share * subjects


@dataclass(frozen=True)
class Splits:
    """The subjects by split."""

    groups: tuple[SplitSubjects, ...]
    total: int
    "Subjects in all splits."


def read_image_subjects() -> tuple[frozenset[str], str]:
    """Return the subjects that stand for an image, and the caveat of all metrics (may be empty)."""
    rows = read_split().values() if SPLIT.is_file() else ()
    return frozenset(row.subject for row in rows if row.is_image), full_caveat(split_caveat(rows))


def _pooled(rows: Sequence[Row], image_subjects: Set[str]) -> list[Row]:
    """Return the rows with one common name for all subjects that stand for an image."""
    return [replace(row, subject=POOLED) if row.subject in image_subjects else row for row in rows]


def count_frames(image_subjects: Set[str] = frozenset()) -> Funnel:
    """Read reports/funnel.csv; `image_subjects` share one row per split."""
    rows = _pooled(read_table(FUNNEL, read_funnel), image_subjects)
    groups: dict[tuple[str, str], list[FunnelRow]] = {}
    for row in rows:
        groups.setdefault((row.subject, row.split), []).append(row)
    subjects = [(*key, funnel_totals(group)) for key, group in sorted(groups.items())]
    return Funnel(funnel_steps(funnel_totals(rows)), tuple(subjects))


def read_decision_counts(version: Version) -> DecisionCounts:
    """Count the decisions that hold in the workspace, by reason; raise NotBuiltError without the faces."""
    excluded = {
        clip.clip: excluded_frames(clip, version.ledger)
        for clip in version.processable_clips
        if version.ledger.exclusions(clip)
    }
    return count_decisions(version.processable_clips, version.ledger, excluded)


def funnel_steps(totals: Mapping[str, int]) -> tuple[FunnelStep, ...]:
    """Return the rows of the funnel: the bar of a loss is the end of the bar of frames left before it."""
    left = whole = max(totals["sampled"], 1)
    steps = []
    for name, count in totals.items():
        is_loss = name not in ("sampled", "images")
        left -= count if is_loss else 0
        start = left / whole if is_loss else 0.0
        meaning = STATUS_MEANINGS[name]
        steps.append(FunnelStep(name.replace("_", " "), meaning, count, count / whole, start, is_loss))
    return tuple(steps)


def count_images(image_subjects: Set[str] = frozenset()) -> ImageCounts:
    """Read data/census.csv; `image_subjects` share one entry per split."""
    rows = read_table(CENSUS, read_census)
    subject_count = len({row.subject for row in rows})
    return image_counts(_pooled(rows, image_subjects), subject_count)


def image_counts(rows: Sequence[CensusRow], subject_count: int) -> ImageCounts:
    """Return the images of a census by split and class, and by subject and class."""
    classes = tuple(sorted({row.expression for row in rows}))
    by_split, by_subject = Counter[tuple[str, str]](), Counter[tuple[str, str, str]]()
    for row in rows:
        by_split[row.split, row.expression] += row.images
        by_subject[row.split, row.subject, row.expression] += row.images
    subjects = sorted({(SPLITS.index(row.split), row.subject) for row in rows})
    return ImageCounts(
        classes=classes,
        splits={split: tuple(by_split[split, name] for name in classes) for split in SPLITS},
        subjects=tuple(
            SubjectImages(
                subject, SPLITS[at], tuple(by_subject[SPLITS[at], subject, name] for name in classes)
            )
            for at, subject in subjects
        ),
        subject_count=subject_count,
    )


def count_subjects(settings: Mapping[str, Any]) -> Splits:
    """Read data/split.csv; `settings` are those that the stage split ran with, by dotted key."""
    rows = list(read_table(SPLIT, read_split).values())
    shares = split_shares(settings)
    return Splits(tuple(_split_subjects(split, rows, shares.get(split)) for split in SPLITS), len(rows))


def split_shares(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the share of the subjects that each split should have; empty if it is unknown."""
    held_out = {split: settings.get(f"split.{split}") for split in ("validation", "test")}
    shares = {split: float(share) for split, share in held_out.items() if share is not None}
    return shares | {"train": 1 - sum(shares.values())} if len(shares) == 2 else {}


def _split_subjects(split: str, rows: Sequence[SplitRow], share: float | None) -> SplitSubjects:
    here = [row for row in rows if row.split == split]
    everywhere, inside = (Counter(row.sex for row in some) for some in (rows, here))
    by_sex = {name: (inside[sex], everywhere[sex]) for sex, name in SEXES.items() if everywhere[sex]}
    return SplitSubjects(split, tuple(sorted(here, key=lambda row: row.subject)), share, by_sex)
