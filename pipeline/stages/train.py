"""Train a net on the dataset; keep the weights that do best on the validation subjects."""

import math

from rich.console import Console

from pipeline.learning.model.checkpoint import save_model
from pipeline.learning.model.device import choose_device
from pipeline.learning.model.image_set import read_images
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.progress import summary, watching
from pipeline.learning.training.run import check_alike, model_card
from pipeline.learning.training.trainer import train
from pipeline.runtime.files import write_text
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import AUDIT, DATASET, HISTORY, MODEL
from pipeline.runtime.stage import run_stage
from pipeline.schema.audit_report import check_audit
from pipeline.schema.history import format_history


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


if __name__ == "__main__":
    assert __spec__ is not None
    run_stage(__spec__.name)
