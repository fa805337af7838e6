"""Before and after a training: checks of its input, and the description of its model."""

import dataclasses
from pathlib import Path

import torch

from pipeline.learning.model.image_set import ImageSet
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.trainer import TrainingResult
from pipeline.runtime.errors import EmoError
from pipeline.schema.checkpoint import ModelCard


def check_same_kind(training: ImageSet, validation: ImageSet, folder: Path) -> None:
    """Raise EmoError unless both splits have the same classes, side and channels."""
    for name in ("classes", "side_px", "channels"):
        first, second = getattr(training, name), getattr(validation, name)
        if first != second:
            raise EmoError(
                f"{folder}: {name} of train is {first}, of validation {second}; run `dvc repro dataset`"
            )


def model_card(result: TrainingResult, training: ImageSet, params: TrainParams) -> ModelCard:
    """Return the description of a trained model; `save_model` adds the digest of its weights."""
    return ModelCard(
        recipe=params.recipe,
        settings=dataclasses.asdict(params.chosen),
        classes=training.classes,
        side_px=training.side_px,
        input_px=params.chosen.input_px,
        channels=training.channels,
        normalisation="pixels/255, then each image to mean 0 and standard deviation 1; done by the net",
        seed=params.seed,
        epochs=len(result.history),
        best_epoch=result.best.epoch,
        torch=torch.__version__,
        weights_sha256="",
    )
