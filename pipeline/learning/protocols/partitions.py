"""Ways of dividing one set of images into training, validation and test: positions in memory, never files.

The frame-random split puts frames of one subject, and near-duplicates of one frame, on both sides. It exists
to measure what that does to the metrics; nothing in emo can write it as a dataset.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.runtime.errors import EmoError

ALL = "all"
"""The name of the only fold of a protocol with one fold."""


@dataclass(frozen=True, eq=False)
class Partition:
    """The images that train, that choose the epoch, and that are only measured; they do not overlap."""

    fold: str
    "Name of the fold: `all`, the number of the test fold, or the test subject."
    train: np.ndarray
    "(n,) int64, sorted positions of the training images."
    validation: np.ndarray
    "(n,) int64, sorted positions of the images that choose the epoch."
    test: np.ndarray
    "(n,) int64, sorted positions of the images that are only measured."

    def __repr__(self) -> str:
        return f"Partition({self.fold}: {len(self.train)} + {len(self.validation)} + {len(self.test)} images)"


def frame_random(labels: np.ndarray, shares: Sequence[float], seed: int) -> Partition:
    """Divide images at random within each class, regardless of subject: as in many papers. It leaks.

    Args:
        labels: (n,) int64, class of each image.
        shares: Shares of validation and test within each class; at least one image of a class trains.
        seed: Seed of all random numbers.
    """
    generator = np.random.default_rng(seed)
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in np.unique(labels):
        shuffled = generator.permutation(np.flatnonzero(labels == label))
        ends = np.cumsum(_held_out(len(shuffled), shares))
        for part, positions in zip(parts, np.split(shuffled, ends), strict=True):
            part.append(positions)
    validation, test, train = (np.sort(np.concatenate(part)) for part in parts)
    return Partition(ALL, train, validation, test)


def _held_out(images: int, shares: Sequence[float]) -> tuple[int, int]:
    """Return the numbers of validation and test images of a class, leaving at least one to train."""
    validation, test = (round(images * share) for share in shares)
    test = min(test, images - 1)
    return min(validation, images - 1 - test), test


def by_subject(
    subjects: np.ndarray, fold: str, validation: Collection[str], test: Collection[str]
) -> Partition:
    """Divide images by subject; the subjects in neither list train.

    Args:
        subjects: (n,) str, subject of each image.
        fold: Name of the partition.
        validation: Subjects that choose the epoch.
        test: Subjects that are only measured.
    """
    in_test = np.isin(subjects, list(test))
    in_validation = np.isin(subjects, list(validation)) & ~in_test
    return Partition(fold, *map(np.flatnonzero, (~in_test & ~in_validation, in_validation, in_test)))


def k_fold(subjects: np.ndarray, fold_of: Mapping[str, int]) -> list[Partition]:
    """Use each fold of subjects as the test once; the next fold chooses the epoch, the others train.

    Args:
        subjects: (n,) str, subject of each image.
        fold_of: Fold by subject.

    Raises:
        EmoError: Fewer than three folds have images.
    """
    members = _members(subjects, fold_of)
    following = _following(members)
    return [by_subject(subjects, str(fold), members[following[fold]], members[fold]) for fold in members]


def leave_one_out(subjects: np.ndarray, fold_of: Mapping[str, int]) -> list[Partition]:
    """Use each subject as the test once; the fold after the subject's chooses the epoch, the others train.

    Args:
        subjects: (n,) str, subject of each image.
        fold_of: Fold by subject.

    Raises:
        EmoError: Fewer than three folds have images.
    """
    members = _members(subjects, fold_of)
    following = _following(members)
    names = sorted(name for group in members.values() for name in group)
    return [by_subject(subjects, name, members[following[fold_of[name]]], [name]) for name in names]


def _members(subjects: np.ndarray, fold_of: Mapping[str, int]) -> dict[int, list[str]]:
    """Return the subjects with images of each fold."""
    names = [str(name) for name in np.unique(subjects)]
    if unknown := [name for name in names if name not in fold_of]:
        raise EmoError(
            f"data/split.csv: no row of {unknown[0]}, a subject of the dataset; run `dvc repro dataset`"
        )
    folds = sorted({fold_of[name] for name in names})
    if len(folds) < 3:
        raise EmoError(
            f"data/split.csv: subjects in {len(folds)} folds: training, validation and test need one each; "
            "set split: folds in params.yaml to 3 or more, or enrol more subjects"
        )
    return {fold: [name for name in names if fold_of[name] == fold] for fold in folds}


def _following(folds: Collection[int]) -> dict[int, int]:
    """Return the fold after each fold; the first follows the last."""
    ordered = sorted(folds)
    return dict(zip(ordered, [*ordered[1:], ordered[0]], strict=True))
