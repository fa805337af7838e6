"""Train a model on the training subjects; keep the weights that do best on the validation subjects."""

import math

import pipeline.runtime  # noqa: F401 (first: Ctrl-C while the others load)
from pipeline.learning.model.checkpoint import save_model
from pipeline.learning.model.device import choose_device
from pipeline.learning.model.image_set import read_images
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.progress import describe, progress_callback
from pipeline.learning.training.run import check_same_kind, model_card
from pipeline.learning.training.trainer import train
from pipeline.runtime.files import write_text
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import AUDIT, DATASET, HISTORY, MODEL
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.audit_report import check_audit
from pipeline.schema.history import format_history
from pipeline.schema.split import TRAIN, VALIDATION


def main() -> None:
    """Read the training and validation images, train, write the model and the history."""
    params = load_params("train", TrainParams)
    check_audit(AUDIT)
    training, validation = read_images(TRAIN), read_images(VALIDATION)
    check_same_kind(training, validation, DATASET)
    with progress_callback(math.ceil(len(training) / params.chosen.fit.batch)) as callback:
        result = train(training, validation, params, choose_device(), callback)
    save_model(result.model, model_card(result, training, params), MODEL)
    write_text(HISTORY, format_history(result.history))
    logger.info("best: %s", describe(result.best))
    logger.info("last: %s", describe(result.history[-1]))


if __name__ == "__main__":
    run_stage("pipeline.stages.train")
