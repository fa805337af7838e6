"""Which trainings a protocol needs."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.dataset.split.subjects import SplitParams
from pipeline.learning.model.image_set import ImageSet, read_images
from pipeline.learning.protocols.folds import Faces, FoldTask, fold_key, with_epochs
from pipeline.learning.protocols.partitions import (
    ALL,
    Partition,
    by_subject,
    frame_random,
    k_fold,
    leave_one_out,
)
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import DATASET, FOLDS, PARAMS
from pipeline.schema.audit_report import check_audit
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.split import SPLITS, SplitRow, read_split, split_caveat
from pipeline.versions.dvc_lock import read_project_lock, settings_as_built

FRAME_RANDOM, SUBJECT_WISE = "frame-random", "subject-wise"
K_FOLD, LEAVE_ONE_OUT = "k-fold", "leave-one-subject-out"

PROTOCOLS = (FRAME_RANDOM, SUBJECT_WISE, K_FOLD, LEAVE_ONE_OUT)
"""In the order of the table: the leaky one first, then those by people."""

MOST_SEEDS = 100
"""Trainings are planned before the first one starts; of forty people these are 4,700."""


@dataclass(frozen=True)
class Request:
    """What to run."""

    protocols: tuple[str, ...] = ()
    "none: all that say something (`asked`)"
    seeds: int = 3
    "how many: that of params.yaml and those after it"
    epochs: int | None = None
    "at most, with the schedule; None: those of params.yaml"

    def __post_init__(self) -> None:
        for name in self.protocols:
            if name not in PROTOCOLS:
                raise EmoError(f"--protocol: {name!r} is not one of {', '.join(PROTOCOLS)}")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise EmoError(f"--seeds: {self.seeds} is not within 1..{MOST_SEEDS}")


@dataclass(frozen=True)
class Training:
    """One training of a plan."""

    protocol: str
    seed: int
    task: FoldTask


@dataclass(frozen=True)
class Material:
    """What all trainings share."""

    faces: Faces
    split: dict[str, tuple[str, ...]]
    "train, validation and test -> who is in it, in the dataset"
    folds: dict[str, int]
    "subject -> fold, by data/split.csv"
    caveat: str
    "what stands beside every figure where subjects are no people; empty where all are"
    params: TrainParams
    "the recipe, with the first seed"
    shares: tuple[float, float]
    "of validation and test, as the dataset was built"
    collapsed: bool | None
    "whether near-duplicates were collapsed when it was built; None: not known"


def read_material(request: Request) -> Material:
    """Read dataset, split and recipe; raise EmoError where they are not built or do not belong together.

    As before every training, the audit must be good. How the dataset was built is what dvc.lock says:
    params.yaml may have been edited since.
    """
    check_audit()
    splits = {split: read_images(split) for split in SPLITS}
    rows, lock = read_split(), read_project_lock()
    people = {split: _people(images, split, rows) for split, images in splits.items()}
    return Material(
        faces=Faces.of(splits),
        split=people,
        folds={subject: row.fold for subject, row in rows.items()},
        caveat=full_caveat(split_caveat([rows[name] for names in people.values() for name in names])),
        params=_recipe(request),
        shares=settings_as_built("split", SplitParams).shares[1:],
        collapsed=lock["dedup"].params.get("dedup.collapse") if "dedup" in lock else None,
    )


def _recipe(request: Request) -> TrainParams:
    """Return the recipe with the first seed; raise EmoError where epochs or the last seed are too many."""
    params = load_params("train", TrainParams)
    try:
        params = with_epochs(params, request.epochs) if request.epochs else params
    except ValueError as error:
        raise EmoError(f"--{error}") from None
    try:
        dataclasses.replace(params, seed=params.seed + request.seeds - 1)
    except ValueError as error:
        raise EmoError(f"{PARAMS}: train: {error}, where --seeds {request.seeds} ends; lower it") from None
    return params


def asked(request: Request, material: Material) -> tuple[str, ...]:
    """Return the protocols to run, in the order of the table.

    Unless it is named, none leaves each subject out once where subjects are images: that would be a training
    for every image.
    """
    everything = [name for name in PROTOCOLS if name != LEAVE_ONE_OUT or not material.caveat]
    return tuple(name for name in PROTOCOLS if name in (request.protocols or everything))


def plan(request: Request, material: Material) -> list[Training]:
    """Return the trainings of all protocols and seeds, in the order of the table."""
    digest = material.faces.digest()
    return [
        Training(protocol, params.seed, FoldTask(material.faces, fold, params, _home(digest, fold, params)))
        for protocol in asked(request, material)
        for params, folds in _folds(protocol, material, request.seeds)
        for fold in folds
    ]


def _folds(
    protocol: str, material: Material, seeds: int
) -> Iterator[tuple[TrainParams, Sequence[Partition]]]:
    """Yield the recipe with each seed, and the folds that are trained with it.

    Raises EmoError where a side of a fold would have no image.
    """
    folds: Sequence[Partition] = []
    for params in _seeded(material.params, seeds):
        if not folds or protocol == FRAME_RANDOM:  # the others are the same for every seed
            folds = partitions(protocol, material, params.seed)
            _check_sides(protocol, folds)
        yield params, folds


def _check_sides(protocol: str, folds: Sequence[Partition]) -> None:
    for fold in folds:
        if empty := [side for side in SPLITS if not len(getattr(fold, side))]:
            raise EmoError(
                f"{DATASET}: too few images for {protocol}: none is left for {empty[0]}; enrol more clips"
            )


def partitions(protocol: str, material: Material, seed: int) -> Sequence[Partition]:
    """Return the folds of a protocol; the seed divides the images of the frame-random one alone."""
    faces = material.faces
    if protocol == FRAME_RANDOM:
        return [frame_random(faces.labels.numpy(), material.shares, seed)]
    if protocol == SUBJECT_WISE:
        return [by_subject(faces.subjects, ALL, material.split["validation"], material.split["test"])]
    divide = k_fold if protocol == K_FOLD else leave_one_out
    return divide(faces.subjects, material.folds)


def _seeded(params: TrainParams, seeds: int) -> Iterator[TrainParams]:
    return (dataclasses.replace(params, seed=params.seed + number) for number in range(seeds))


def _home(digest: str, fold: Partition, params: TrainParams) -> Path:
    return FOLDS / f"{fold_key(digest, fold, params)}.json"


def _people(images: ImageSet, split: str, rows: dict[str, SplitRow]) -> tuple[str, ...]:
    """Return who is in a split of the dataset; raise EmoError where data/split.csv says otherwise."""
    names = tuple(np.unique([row.subject for row in images.provenance]).tolist())
    for name in names:
        if name not in rows or rows[name].split != split:
            raise EmoError(f"{DATASET / split}: {name} is not there by data/split.csv; run `dvc repro`")
    return names
