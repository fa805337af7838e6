"""What all trainings of `emo protocols` share: images, subjects, the recipe and how the dataset was built."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.dataset.split.subjects import SplitParams
from pipeline.learning.model.image_set import ImageSet, read_images
from pipeline.learning.protocols.folds import with_epochs
from pipeline.learning.protocols.image_pool import ImagePool
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import build, load_params
from pipeline.runtime.paths import DATASET, PARAMS
from pipeline.schema.audit_report import check_audit
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.split import SPLITS, SplitRow, read_split, split_caveat
from pipeline.versions.dvc_lock import LOCK, StageLock, read_project_lock


@dataclass(frozen=True)
class Material:
    """The input that all trainings share."""

    pool: ImagePool
    split: dict[str, tuple[str, ...]]
    "Subjects with images in train, validation and test."
    folds: dict[str, int]
    "Fold by subject (data/split.csv)."
    caveat: str
    "Caveat of all metrics if some subjects are images; else empty."
    params: TrainParams
    "The recipe, with the first seed."
    shares: tuple[float, float]
    "Shares of validation and test with which the dataset was built."
    collapsed: bool | None
    "Whether near-duplicates were collapsed in the dataset; None if not known."


def read_material(seeds: int, epochs: int | None = None) -> Material:
    """Read dataset, split and recipe.

    How the dataset was built is read from dvc.lock, as params.yaml may have been edited since.

    Args:
        seeds: Number of seeds, which must all be valid.
        epochs: Largest number of epochs; None for that of params.yaml.

    Raises:
        EmoError: The audit has not passed, or dataset, split and params are missing or inconsistent.
    """
    check_audit()
    splits = {split: read_images(split) for split in SPLITS}
    rows, built = read_split(), read_project_lock().get("dataset", StageLock())
    subjects = {split: _subjects_of(images, split, rows) for split, images in splits.items()}
    return Material(
        pool=ImagePool.of(splits),
        split=subjects,
        folds={subject: row.fold for subject, row in rows.items()},
        caveat=full_caveat(split_caveat([rows[name] for names in subjects.values() for name in names])),
        params=_recipe(seeds, epochs),
        shares=_split_params(built).shares[1:],
        collapsed=built.params.get("dedup.collapse"),
    )


def _split_params(built: StageLock) -> SplitParams:
    """Return the settings of the split with which the dataset was built, else those of params.yaml."""
    settings = built.section("split")
    return build(SplitParams, settings, f"{LOCK}: split") if settings else load_params("split", SplitParams)


def _recipe(seeds: int, epochs: int | None) -> TrainParams:
    """Return the recipe with the first seed; raise EmoError if epochs or the last seed are out of range."""
    params = load_params("train", TrainParams)
    try:
        params = with_epochs(params, epochs) if epochs else params
    except ValueError as error:
        raise EmoError(f"--{error}") from None
    try:
        dataclasses.replace(params, seed=params.seed + seeds - 1)
    except ValueError as error:
        raise EmoError(f"{PARAMS}: train: {error} (the last of --seeds {seeds}); lower it") from None
    return params


def _subjects_of(images: ImageSet, split: str, rows: Mapping[str, SplitRow]) -> tuple[str, ...]:
    """Return the subjects of a split of the dataset; raise EmoError if data/split.csv disagrees."""
    names = tuple(np.unique([row.subject for row in images.provenance]).tolist())
    for name in names:
        if name not in rows or rows[name].split != split:
            raise EmoError(f"{DATASET / split}: {name} is not in {split} by data/split.csv; run `dvc repro`")
    return names
