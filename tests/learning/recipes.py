"""Short trainings on small drawn sets, for several tests."""

import dataclasses
from typing import Any

import numpy as np
import torch

from pipeline.learning.augmentation import AugmentationParams
from pipeline.learning.data import ImageSet, Provenance
from pipeline.learning.history import Epoch
from pipeline.learning.loop import Trained, TrainParams, train
from pipeline.learning.models import LenetParams
from tests.learning.drawn import draw_subject

CLASSES = ("angry", "happy", "surprised")

OFF = AugmentationParams(
    flip=False,
    rotate_deg=0,
    shift=0,
    zoom=0,
    shear=0,
    elastic=0,
    brightness=0,
    contrast=0,
    shading=0,
    noise=0,
    erase=0,
)

PARAMS = TrainParams(
    recipe="lenet",
    input_px=32,
    seed=0,
    cpu_threads=1,
    epochs=12,
    patience=12,
    batch=16,
    learning_rate=0.003,
    weight_decay=0.01,
    label_smoothing=0.0,
    class_weights=False,
    lenet=LenetParams(maps=(6, 16), activation="relu", pooling="max", dropout=0.0),
    augmentation=OFF,
)


class Log:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.steps = 0
        self.rows: list[Epoch] = []

    def step(self) -> None:
        self.steps += 1

    def epoch(self, row: Epoch) -> None:
        self.rows.append(row)


def people(*seeds: int, classes: tuple[str, ...] = CLASSES, each: int = 3) -> ImageSet:
    """Return the drawn faces of some people."""
    faces = [(f"p{s}", name, image) for s in seeds for name, image in draw_subject(s, classes, each)]
    pixels = torch.from_numpy(np.stack([image for _, _, image in faces]))[:, None]
    labels = torch.tensor([classes.index(name) for _, name, _ in faces])
    rows = tuple(
        Provenance(f"{subject}_{name}/{i}.png", subject, f"{subject}_{name}", i, i / 5)
        for i, (subject, name, _) in enumerate(faces)
    )
    return ImageSet(pixels, labels, classes, rows)


def trained(training: ImageSet, validation: ImageSet, log: Log | None = None, **changes: Any) -> Trained:
    """Train as PARAMS with changes, on the CPU."""
    params = dataclasses.replace(PARAMS, **changes)
    return train(training, validation, params, torch.device("cpu"), log or Log())
