"""Short trainings on small drawn sets, for several tests."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.learning.model.checkpoint import save_model
from pipeline.learning.model.image_set import ImageSet, Provenance
from pipeline.learning.model.inference import build_model
from pipeline.learning.recipes.bncnn import Bncnn
from pipeline.learning.recipes.lenet import Lenet
from pipeline.learning.recipes.mobilenet import Mobilenet
from pipeline.learning.recipes.optimisation import FitParams
from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.resnet import Resnet
from pipeline.learning.recipes.transfer import Transfer
from pipeline.learning.recipes.vgg import Vgg
from pipeline.learning.training.augmentation import AugmentationParams
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.trainer import TrainingResult, train
from pipeline.schema.checkpoint import ModelCard
from pipeline.schema.history import Epoch
from tests.support.drawn import draw_subject

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

FIT = FitParams(
    optimiser="adamw",
    learning_rate=0.003,
    schedule="cosine",
    warm_up=0.05,
    weight_decay=0.01,
    batch=16,
    epochs=12,
    patience=12,
)

LENET = Lenet(input_px=32, fit=FIT, maps=(6, 16), activation="relu", pooling="max", dropout=0.0)
BNCNN = Bncnn(input_px=32, fit=FIT, maps=(8, 12, 16), batch_norm=True, hidden=32, dropout=0.0)
VGG = Vgg(input_px=32, fit=FIT, maps=(8, 12, 16, 24), batch_norm=True, hidden=32, dropout=0.0)
RESNET = Resnet(input_px=24, fit=FIT, maps=8, blocks=1, hidden=32, dropout=0.0)
MOBILENET = Mobilenet(input_px=36, fit=FIT, width=0.25, stem_stride=2, dropout=0.0)
TRANSFER = Transfer(**(vars(MOBILENET) | {"weights": "none", "weights_sha256": "", "frozen_epochs": 1}))
SMALL: dict[str, Recipe] = {
    recipe.NAME: recipe for recipe in (LENET, BNCNN, VGG, RESNET, MOBILENET, TRANSFER)
}
"""Each recipe with a network as small as possible; a new recipe is added here."""

PARAMS = TrainParams(
    recipe="lenet",
    seed=0,
    cpu_threads=1,
    label_smoothing=0.0,
    class_weights=False,
    augmentation=OFF,
    chosen=LENET,
)


class Log:
    """A callback that records its calls."""

    def __init__(self) -> None:
        self.steps = 0
        self.rows: list[Epoch] = []

    def step(self) -> None:
        self.steps += 1

    def epoch(self, row: Epoch) -> None:
        self.rows.append(row)


def drawn_images(*seeds: int, classes: tuple[str, ...] = CLASSES, each: int = 3) -> ImageSet:
    """Return drawn faces of one subject per seed, `each` of every class."""
    faces = [(f"p{s}", name, image) for s in seeds for name, image in draw_subject(s, classes, each)]
    pixels = torch.from_numpy(np.stack([image for _, _, image in faces]))[:, None]
    labels = torch.tensor([classes.index(name) for _, name, _ in faces])
    rows = tuple(
        Provenance(f"{subject}_{name}/{i}.png", subject, f"{subject}_{name}", i, i / 5)
        for i, (subject, name, _) in enumerate(faces)
    )
    return ImageSet(pixels, labels, classes, rows)


def params_with(recipe: Recipe = LENET, **changes: Any) -> TrainParams:
    """Return PARAMS with another recipe and other values; keys of `fit` are changed in the recipe."""
    fields = {field.name for field in dataclasses.fields(FitParams)}
    fit = {name: changes.pop(name) for name in fields & set(changes)}
    recipe = dataclasses.replace(recipe, fit=dataclasses.replace(recipe.fit, **fit))
    return dataclasses.replace(PARAMS, recipe=recipe.NAME, chosen=recipe, **changes)


def trained(
    training: ImageSet,
    validation: ImageSet,
    log: Log | None = None,
    recipe: Recipe = LENET,
    **changes: Any,
) -> TrainingResult:
    """Train a recipe with PARAMS and changes, on the CPU."""
    params = params_with(recipe, **changes)
    return train(training, validation, params, torch.device("cpu"), log or Log())


def save_untrained(folder: Path, recipe: Recipe = LENET, channels: int = 1) -> torch.nn.Module:
    """Save a model of two classes for faces of 64 px without training it; return it."""
    model = build_model(recipe, classes=2, channels=channels)
    card = ModelCard(
        recipe=recipe.NAME,
        settings=json.loads(json.dumps(dataclasses.asdict(recipe))),
        classes=("happy", "neutral"),
        side_px=64,
        input_px=recipe.input_px,
        channels=channels,
        normalisation="by the network",
        seed=0,
        epochs=3,
        best_epoch=2,
        torch="2",
        weights_sha256="",
    )
    save_model(model, card, folder)
    return model
