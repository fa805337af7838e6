"""Training and measuring one fold; finished folds are cached.

A fold ends as counts: neither its model nor its images are written anywhere, so a split that leaks cannot
become a dataset or a model this way.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from pipeline.learning.evaluation import metrics
from pipeline.learning.model.device import choose_device, reproducible
from pipeline.learning.model.inference import all_logits, shrink
from pipeline.learning.protocols.image_pool import ImagePool
from pipeline.learning.protocols.partitions import Partition
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.progress import Silent
from pipeline.learning.training.trainer import train
from pipeline.runtime.code import code_digest
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.files import write_text
from pipeline.runtime.json_files import parse_json
from pipeline.schema.split import SPLITS, TRAIN, VALIDATION


@dataclass(frozen=True)
class SideCounts:
    """Loss and confusion matrices on the unchanged images of one side of a partition."""

    loss: float
    "Mean of -log of the actual class's probability."
    confusions: dict[str, list[list[int]]]
    "Confusion matrix by subject: rows the actual class, columns the predicted one."

    @property
    def matrix(self) -> np.ndarray:
        """The confusion matrix of all subjects, (classes, classes)."""
        return np.sum(list(self.confusions.values()), axis=0)


@dataclass(frozen=True)
class FoldCounts:
    """The result of one training, without the model: a JSON file of the cache."""

    epochs: int
    "Number of epochs run."
    best_epoch: int
    "Epoch whose weights were measured, 1 for the first."
    sides: dict[str, SideCounts]
    "Counts of train, validation and test."


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One training to run: its input and the file of its result."""

    pool: ImagePool
    partition: Partition
    params: TrainParams
    "The recipe, with the seed of this training."
    path: Path
    "JSON file of the cache; its name is the key of everything the result depends on."


def fold_key(digest: str, partition: Partition, params: TrainParams) -> str:
    """Return the cache key of a fold, as 64 hexadecimal digits.

    The result depends on the images (`digest`), the partition, the recipe with its seed, the code with the
    versions of its libraries, and the type of device; not on the protocol's name.
    """
    sides = [getattr(partition, side).astype("<i8").tobytes() for side in SPLITS]
    settings = json.dumps(dataclasses.asdict(params), sort_keys=True)
    parts = [digest, settings, code_digest(__name__), choose_device().type]
    parts += [hashlib.sha256(side).hexdigest() for side in sides]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def run_fold(task: FoldTask) -> None:
    """Train and measure one fold and write its result atomically.

    Raises EmoError if it cannot be trained, or its result cannot be written.
    """
    counts = train_and_measure(task.pool, task.partition, task.params)
    try:
        write_text(task.path, json.dumps(dataclasses.asdict(counts), sort_keys=True) + "\n")
    except OSError as error:
        raise EmoError(
            f"{task.path}: cannot be written: {reason(error)}; remove what is there, or free some space"
        ) from None


def train_and_measure(pool: ImagePool, partition: Partition, params: TrainParams) -> FoldCounts:
    """Train on one side of a partition, choose the epoch by the second, measure on all three.

    The same images, partition, params and type of device give the same result in any process.
    Raises EmoError if a class has no training image.
    """
    sides = {side: pool.select(getattr(partition, side)) for side in SPLITS}
    with reproducible(params.seed, params.cpu_threads):
        result = train(sides[TRAIN], sides[VALIDATION], params, choose_device(), Silent())
        counts = {
            side: _counts(
                all_logits(result.model, shrink(images.pixels, params.chosen.input_px)),
                images.labels.numpy(),
                pool.subjects[getattr(partition, side)],
            )
            for side, images in sides.items()
        }
    return FoldCounts(len(result.history), result.best.epoch, counts)


def with_epochs(params: TrainParams, epochs: int) -> TrainParams:
    """Return the recipe with another number of epochs; its schedule is stretched over them."""
    fit = dataclasses.replace(params.chosen.fit, epochs=epochs)
    return dataclasses.replace(params, chosen=dataclasses.replace(params.chosen, fit=fit))


def _counts(logits: Tensor, labels: np.ndarray, subjects: np.ndarray) -> SideCounts:
    chances = logits.softmax(dim=1).cpu().numpy()
    confusions = metrics.subject_confusions(labels, chances.argmax(1), subjects.tolist(), chances.shape[1])
    loss = round(metrics.cross_entropy(chances, labels), 6)
    return SideCounts(loss, {subject: matrix.tolist() for subject, matrix in confusions.items()})


def read_counts(task: FoldTask) -> FoldCounts | None:
    """Return the result of a finished fold; None if it is not finished or its file is damaged."""
    try:
        values: dict[str, Any] = parse_json(task.path.read_bytes())
        sides = {name: SideCounts(**side) for name, side in values.pop("sides").items()}
        counts = FoldCounts(**values, sides=sides)
        return counts if _matches(counts, task) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _matches(counts: FoldCounts, task: FoldTask) -> bool:
    """Return whether a result covers exactly the images of a task's partition."""
    epochs = (counts.epochs, counts.best_epoch)
    if counts.sides.keys() != set(SPLITS) or not all(type(n) is int and n > 0 for n in epochs):
        return False
    classes = len(task.pool.classes)
    return all(
        math.isfinite(side.loss)
        and _images_by_subject(side.confusions, classes) == task.pool.counts(getattr(task.partition, name))
        for name, side in counts.sides.items()
    )


def _images_by_subject(confusions: Mapping[str, object], classes: int) -> dict[str, int]:
    """Return the number of images by subject; raise ValueError unless all are (classes, classes) counts."""
    found = {}
    for subject, counts in confusions.items():
        matrix = np.array(counts)
        if matrix.shape != (classes, classes) or matrix.dtype.kind != "i" or matrix.min() < 0:
            raise ValueError(subject)
        found[subject] = int(matrix.sum())
    return found
