"""Ways to divide one set of images into training, validation and test: positions in memory, never files.

The frame-random way puts frames of one person, and near-duplicates of one frame, on both sides. It is here to
measure what that does to the figures; nothing in emo can write it as a dataset.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.runtime.errors import EmoError

ALL = "all"
"""The name of the only fold of a protocol that has one."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Which images train, which choose the epoch, and which only measure. No image is in two of them."""

    fold: str
    "`all`, the number of the test fold, or the test subject"
    train: np.ndarray
    "(n,) int64, sorted positions in the images; the others likewise"
    validation: np.ndarray
    test: np.ndarray

    def __repr__(self) -> str:
        return f"Partition({self.fold}: {len(self.train)} + {len(self.validation)} + {len(self.test)} images)"


def frame_random(labels: np.ndarray, shares: Sequence[float], seed: int) -> Partition:
    """Divide images at random within each class, whoever is on them: the way of many papers. It leaks.

    Args:
        labels: (n,) int64.
        shares: Of validation and test, of each class; the rest trains, an image of each class at least.
        seed: The only source of chance.
    """
    generator = np.random.default_rng(seed)
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in np.unique(labels):
        mixed = generator.permutation(np.flatnonzero(labels == label))
        ends = np.cumsum(_held_out(len(mixed), shares))
        for part, positions in zip(parts, np.split(mixed, ends), strict=True):
            part.append(positions)
    validation, test, train = (np.sort(np.concatenate(part)) for part in parts)
    return Partition(ALL, train, validation, test)


def _held_out(images: int, shares: Sequence[float]) -> tuple[int, int]:
    """Return how many images of a class validate and test, so that one is left to train."""
    validation, test = (round(images * share) for share in shares)
    test = min(test, images - 1)
    return min(validation, images - 1 - test), test


def by_subject(
    subjects: np.ndarray, fold: str, validation: Collection[str], test: Collection[str]
) -> Partition:
    """Divide images by who is on them; whoever is in neither list trains.

    Args:
        subjects: (n,) str, who is on each image.
        fold: What to call it.
        validation: Subjects that choose the epoch.
        test: Subjects that are only measured.
    """
    measured = np.isin(subjects, list(test))
    choosing = np.isin(subjects, list(validation)) & ~measured
    return Partition(fold, *map(np.flatnonzero, (~measured & ~choosing, choosing, measured)))


def k_fold(subjects: np.ndarray, fold_of: Mapping[str, int]) -> list[Partition]:
    """Let each fold of people be the test once; the fold after it chooses the epoch, the rest trains.

    Raises EmoError where fewer than three folds have images.
    """
    people = _people_of(subjects, fold_of)
    following = _following(people)
    return [by_subject(subjects, str(fold), people[following[fold]], people[fold]) for fold in people]


def leave_one_out(subjects: np.ndarray, fold_of: Mapping[str, int]) -> list[Partition]:
    """Let each person be the test once; the fold after the person's chooses the epoch, the rest trains.

    Raises EmoError where fewer than three folds have images.
    """
    people = _people_of(subjects, fold_of)
    following = _following(people)
    names = sorted(name for group in people.values() for name in group)
    return [by_subject(subjects, name, people[following[fold_of[name]]], [name]) for name in names]


def _people_of(subjects: np.ndarray, fold_of: Mapping[str, int]) -> dict[int, list[str]]:
    """Return who is in each fold, of those who have images."""
    names = [str(name) for name in np.unique(subjects)]
    if unknown := [name for name in names if name not in fold_of]:
        raise EmoError(f"data/split.csv: no row of {unknown[0]}, who has images; run `dvc repro dataset`")
    folds = sorted({fold_of[name] for name in names})
    if len(folds) < 3:
        raise EmoError(
            f"data/split.csv: people in {len(folds)} folds: training, validation and test need one each; "
            "set split: folds in params.yaml to 3 or more, or enrol more people"
        )
    return {fold: [name for name in names if fold_of[name] == fold] for fold in folds}


def _following(folds: Collection[int]) -> dict[int, int]:
    """Return the fold after each, the first after the last."""
    ordered = sorted(folds)
    return dict(zip(ordered, [*ordered[1:], ordered[0]], strict=True))
