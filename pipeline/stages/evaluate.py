"""Evaluate the model on the test subjects, which it has not seen: metrics, tables and figures."""

import pipeline.runtime  # noqa: F401 (first: Ctrl-C while the others load)
from pipeline.figures.evaluation import (
    calibration_figure,
    confusion_figure,
    history_figure,
    mistakes_figure,
)
from pipeline.figures.style import save_figure
from pipeline.learning.evaluation.measure import format_metrics, measure
from pipeline.learning.evaluation.params import EvaluateParams
from pipeline.learning.evaluation.predictions import predictions_of
from pipeline.learning.model.checkpoint import check_classes, check_images
from pipeline.learning.model.image_set import read_images
from pipeline.learning.model.predictor import Predictor
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.files import write_text
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import (
    CALIBRATION_PLOT,
    CONFUSION,
    CONFUSION_PLOT,
    CURVES_PLOT,
    DATASET,
    METRICS,
    MISTAKES_PLOT,
    MODEL,
    PREDICTIONS,
)
from pipeline.runtime.stage import run_stage
from pipeline.schema.checkpoint import CARD
from pipeline.schema.history import read_history
from pipeline.schema.predictions import ConfusionRow, Prediction
from pipeline.schema.split import SPLITS, TEST, read_split


def main() -> None:
    """Read the model and the dataset, evaluate, write metrics, tables and figures."""
    params = load_params("evaluate", EvaluateParams)
    predictor = Predictor.load(MODEL)
    splits = {split: read_images(split) for split in SPLITS}
    for split, images in splits.items():
        where = f"{MODEL / CARD}: {DATASET / split}"
        check_classes(predictor.card, images.classes, where)
        check_images(predictor.card, images.channels, images.side_px, where)
    probabilities = {split: predictor.predict_pixels(images.pixels) for split, images in splits.items()}

    write_text(METRICS, format_metrics(measure(splits, probabilities, read_split(), params)))

    test = splits[TEST]
    predictions = predictions_of(test, probabilities[TEST])
    write_csv(PREDICTIONS, predictions, Prediction)
    write_csv(CONFUSION, [ConfusionRow(row.actual, row.predicted) for row in predictions], ConfusionRow)

    pixels = {row.image: image.numpy() for row, image in zip(predictions, test.pixels, strict=True)}
    save_figure(history_figure(read_history()), CURVES_PLOT)
    save_figure(confusion_figure(predictions, test.classes), CONFUSION_PLOT)
    save_figure(mistakes_figure(predictions, pixels, params.mistakes), MISTAKES_PLOT)
    save_figure(calibration_figure(predictions, params.calibration_bins), CALIBRATION_PLOT)


if __name__ == "__main__":
    run_stage("pipeline.stages.evaluate")
