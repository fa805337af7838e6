"""Training and measuring one recipe by several protocols, fold by fold; what is finished is kept.

A fold ends as figures: neither its net nor its images are written anywhere, so a split that leaks cannot
become a dataset or a model by way of this.
"""

import dataclasses
import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.learning.evaluation import metrics
from pipeline.learning.model.device import choose_device, reproducible
from pipeline.learning.model.image_set import ImageSet
from pipeline.learning.model.inference import all_logits, shrink
from pipeline.learning.protocols.partitions import Partition
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.progress import Silent
from pipeline.learning.training.trainer import train
from pipeline.runtime.code import code_digest
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.files import write_text
from pipeline.schema.split import SPLITS


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """All images of a dataset in memory that several processes can share, whatever their split."""

    pixels: Tensor
    "(n, channels, side, side) uint8"
    labels: Tensor
    "(n,) int64, positions in `classes`"
    classes: tuple[str, ...]
    subjects: np.ndarray
    "(n,) str, who is on each image"

    @classmethod
    def of(cls, splits: dict[str, ImageSet]) -> "Faces":
        """Return the images of all splits, one after the other."""
        sets = list(splits.values())
        subjects = [row.subject for images in sets for row in images.provenance]
        pixels = torch.cat([images.pixels for images in sets])
        return cls(pixels, torch.cat([i.labels for i in sets]), sets[0].classes, np.array(subjects))

    def share(self) -> None:
        """Move the images to shared memory; raise EmoError where there is not enough of it."""
        try:
            self.pixels.share_memory_()
        except RuntimeError as error:
            raise EmoError(
                f"shared memory: {self.pixels.nbytes / 1e6:.0f} MB of images do not fit ({error}); "
                "set EMO_WORKERS=1, or enlarge /dev/shm"
            ) from None

    def chosen(self, positions: np.ndarray) -> ImageSet:
        """Return some of the images, without their provenance."""
        where = torch.from_numpy(positions)
        return ImageSet(self.pixels[where], self.labels[where], self.classes, ())

    def counts(self, positions: np.ndarray) -> dict[str, int]:
        """Return how many of some of the images each subject has."""
        return dict(Counter(self.subjects[positions].tolist()))

    def digest(self) -> str:
        """Return the SHA-256 of all that training or measuring can see of the images."""
        digest = hashlib.sha256(json.dumps([self.pixels.shape, self.classes, *self.subjects]).encode())
        for tensor in (self.pixels, self.labels):
            digest.update(tensor.numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Side:
    """What the net reaches on the images of one side of a partition, as they are."""

    loss: float
    "mean of -log of the actual class's probability"
    confusions: dict[str, list[list[int]]]
    "subject -> counts, rows the actual class, columns the predicted one"

    @property
    def matrix(self) -> np.ndarray:
        """The confusion matrix of all subjects, (classes, classes)."""
        return np.sum(list(self.confusions.values()), axis=0)


@dataclass(frozen=True)
class FoldFigures:
    """What became of one training: figures, no net."""

    epochs: int
    "run"
    best_epoch: int
    sides: dict[str, Side]
    "train, validation and test"


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One training to do: what it sees and where its figures go."""

    faces: Faces
    partition: Partition
    params: TrainParams
    "the recipe, with the seed of this run"
    home: Path
    "a JSON file; its name is the key of all that the figures depend on"


def fold_key(digest: str, partition: Partition, params: TrainParams) -> str:
    """Return what the figures of a fold depend on, as 64 hexadecimal digits.

    The images by their `digest`, which of them are on which side, the recipe with its seed, the code with
    the versions of its libraries, and the kind of device; not what the protocol is called, nor the settings
    of the other recipes.
    """
    sides = [getattr(partition, side).astype("<i8").tobytes() for side in SPLITS]
    settings = json.dumps(dataclasses.asdict(params), sort_keys=True)
    parts = [digest, settings, code_digest(__name__), choose_device().type]
    parts += [hashlib.sha256(side).hexdigest() for side in sides]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def run_fold(task: FoldTask) -> None:
    """Train one net, measure it and write its figures, whole or not at all.

    Raises EmoError where it cannot be trained, and where its figures cannot be written.
    """
    figures = train_and_measure(task.faces, task.partition, task.params)
    try:
        write_text(task.home, json.dumps(dataclasses.asdict(figures), sort_keys=True) + "\n")
    except OSError as error:
        raise EmoError(
            f"{task.home}: cannot be written: {reason(error)}; remove what is there, or free some space"
        ) from None


def train_and_measure(faces: Faces, partition: Partition, params: TrainParams) -> FoldFigures:
    """Train on one side of a partition, stop by the second, measure on all three.

    The same images, partition, params and kind of device give the same figures, in whatever process.
    Raises EmoError where a class has no training image.
    """
    sides = {side: faces.chosen(getattr(partition, side)) for side in SPLITS}
    with reproducible(params.seed, params.cpu_threads):
        trained = train(sides["train"], sides["validation"], params, choose_device(), Silent())
        found = {
            side: _measured(
                all_logits(trained.model, shrink(images.pixels, input_px(params))),
                images.labels.numpy(),
                faces.subjects[getattr(partition, side)],
            )
            for side, images in sides.items()
        }
    return FoldFigures(len(trained.history), trained.best.epoch, found)


def input_px(params: TrainParams) -> int:
    """Return the side at which the recipe's net sees the faces."""
    return params.chosen.input_px


def with_epochs(params: TrainParams, epochs: int) -> TrainParams:
    """Return the recipe with another number of epochs, over which its schedule is stretched."""
    fit = dataclasses.replace(params.chosen.fit, epochs=epochs)
    return dataclasses.replace(params, chosen=dataclasses.replace(params.chosen, fit=fit))


def _measured(logits: Tensor, labels: np.ndarray, subjects: np.ndarray) -> Side:
    chances = logits.softmax(dim=1).cpu().numpy()
    confusions = metrics.subject_confusions(labels, chances.argmax(1), subjects.tolist(), chances.shape[1])
    loss = round(metrics.cross_entropy(chances, labels), 6)
    return Side(loss, {subject: matrix.tolist() for subject, matrix in confusions.items()})


def read_figures(task: FoldTask) -> FoldFigures | None:
    """Return the figures of a finished fold; None where it is not finished, or its file is not as written."""
    try:
        values: dict[str, Any] = json.loads(task.home.read_text(encoding="utf-8"))
        sides = {name: Side(**side) for name, side in values.pop("sides").items()}
        figures = FoldFigures(**values, sides=sides)
        return figures if _is_whole(figures, task) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_whole(figures: FoldFigures, task: FoldTask) -> bool:
    """Tell whether figures are of the images of a task's partition, all of them and no other."""
    epochs = (figures.epochs, figures.best_epoch)
    if figures.sides.keys() != set(SPLITS) or not all(type(n) is int and n > 0 for n in epochs):
        return False
    classes = len(task.faces.classes)
    return all(
        math.isfinite(side.loss)
        and _images(side.confusions, classes) == task.faces.counts(getattr(task.partition, name))
        for name, side in figures.sides.items()
    )


def _images(confusions: Mapping[str, object], classes: int) -> dict[str, int]:
    """Return how many images each subject has; raise ValueError for what is no matrix of these classes."""
    found = {}
    for subject, counts in confusions.items():
        matrix = np.array(counts)
        if matrix.shape != (classes, classes) or matrix.dtype.kind != "i" or matrix.min() < 0:
            raise ValueError(subject)
        found[subject] = int(matrix.sum())
    return found
