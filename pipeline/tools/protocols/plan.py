"""Which trainings a protocol needs."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.dataset import SPLITS, SplitRow, read_split, split_mark
from pipeline.core.errors import EmoError
from pipeline.core.params import load_params
from pipeline.core.paths import DATASET, FOLDS
from pipeline.core.subjectless import in_full
from pipeline.learning.data import ImageSet, read_images
from pipeline.learning.loop import TrainParams
from pipeline.learning.partitions import ALL, Partition, by_subject, frame_random, k_fold, leave_one_out
from pipeline.learning.protocols import Faces, FoldTask, fold_key, with_epochs
from pipeline.stages.split import SplitParams

FRAME_RANDOM, SUBJECT_WISE = "frame-random", "subject-wise"
K_FOLD, LEAVE_ONE_OUT = "k-fold", "leave-one-subject-out"

PROTOCOLS = (FRAME_RANDOM, SUBJECT_WISE, K_FOLD, LEAVE_ONE_OUT)
"""In the order of the table: the leaky one first, then those by people."""


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
        if self.seeds < 1:
            raise EmoError(f"--seeds: {self.seeds} is not 1 or more")


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
    mark: str
    "what stands beside every figure where subjects are no people; empty where all are"
    params: TrainParams
    "the recipe, with the first seed"
    shares: tuple[float, float]
    "of validation and test, by params.yaml"


def read_material(request: Request) -> Material:
    """Read dataset, split and recipe; raise EmoError where they are not built or do not belong together."""
    splits = {split: read_images(split) for split in SPLITS}
    rows, params = read_split(), load_params("train", TrainParams)
    params = with_epochs(params, request.epochs) if request.epochs else params
    people = {split: _people(images, split, rows) for split, images in splits.items()}
    return Material(
        faces=Faces.of(splits),
        split=people,
        folds={subject: row.fold for subject, row in rows.items()},
        mark=in_full(split_mark([rows[name] for names in people.values() for name in names])),
        params=params,
        shares=load_params("split", SplitParams).shares[1:],
    )


def asked(request: Request, material: Material) -> tuple[str, ...]:
    """Return the protocols to run, in the order of the table.

    Unless it is named, none leaves each subject out once where subjects are images: that would be a training
    for every image.
    """
    everything = [name for name in PROTOCOLS if name != LEAVE_ONE_OUT or not material.mark]
    return tuple(name for name in PROTOCOLS if name in (request.protocols or everything))


def plan(request: Request, material: Material) -> list[Training]:
    """Return the trainings of all protocols and seeds, in the order of the table."""
    digest = material.faces.digest()
    return [
        Training(protocol, params.seed, FoldTask(material.faces, fold, params, _home(digest, fold, params)))
        for protocol in asked(request, material)
        for params in _seeded(material.params, request.seeds)
        for fold in partitions(protocol, material, params.seed)
    ]


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
