"""Train a net on the dataset; keep the weights that do best on the validation subjects."""

import dataclasses
import math
from pathlib import Path

import torch
from rich.console import Console

from pipeline.core.errors import EmoError
from pipeline.core.gate import check_audit
from pipeline.core.params import load_params
from pipeline.core.paths import AUDIT, DATASET, HISTORY, MODEL
from pipeline.core.stage import run_stage
from pipeline.core.tables import write_text
from pipeline.learning.data import ImageSet, read_images
from pipeline.learning.device import choose_device
from pipeline.learning.history import format_history
from pipeline.learning.loop import Trained, TrainParams, train
from pipeline.learning.progress import summary, watching
from pipeline.learning.store import ModelCard, save_model


def main() -> None:
    """Read the training and validation images, train, write the net and the history."""
    params = load_params("train", TrainParams)
    check_audit(AUDIT)
    training, validation = read_images("train"), read_images("validation")
    check_alike(training, validation, DATASET)
    with watching(math.ceil(len(training) / params.chosen.fit.batch)) as watcher:
        trained = train(training, validation, params, choose_device(), watcher)
    save_model(trained.model, model_card(trained, training, params), MODEL)
    write_text(HISTORY, format_history(trained.history))
    Console().print(summary(trained))


def check_alike(training: ImageSet, validation: ImageSet, folder: Path) -> None:
    """Raise EmoError unless both splits have the same classes, side and channels."""
    for name in ("classes", "side_px", "channels"):
        first, second = getattr(training, name), getattr(validation, name)
        if first != second:
            raise EmoError(
                f"{folder}: {name} of train is {first}, of validation {second}; run `dvc repro dataset`"
            )


def model_card(trained: Trained, training: ImageSet, params: TrainParams) -> ModelCard:
    """Return what is needed to use the net, and how it came about."""
    return ModelCard(
        recipe=params.recipe,
        settings=dataclasses.asdict(params.chosen),
        classes=training.classes,
        side_px=training.side_px,
        input_px=params.chosen.input_px,
        channels=training.channels,
        normalisation="pixels/255, then each image to mean 0 and standard deviation 1; done by the net",
        seed=params.seed,
        epochs=len(trained.history),
        best_epoch=trained.best.epoch,
        torch=torch.__version__,
        weights_sha256="",
    )


if __name__ == "__main__":
    assert __spec__ is not None
    run_stage(__spec__.name)
