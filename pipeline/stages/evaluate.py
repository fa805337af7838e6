"""Measure the net on people it has not seen, and show where it goes wrong."""

from pipeline.learning.evaluation.measure import (
    EvaluateParams,
    draw,
    format_metrics,
    marked,
    measure,
    read_sexes,
    sex_metrics,
    write_test_tables,
)
from pipeline.learning.model.checkpoint import check_classes, check_images
from pipeline.learning.model.image_set import read_images
from pipeline.learning.model.predictor import Predictor
from pipeline.runtime.files import write_text
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import (
    DATASET,
    METRICS,
    MODEL,
)
from pipeline.runtime.stage import run_stage
from pipeline.schema.checkpoint import CARD
from pipeline.schema.split import SPLITS, read_split


def main() -> None:
    """Read the net and the dataset, measure, write the figures, tables and pictures."""
    params = load_params("evaluate", EvaluateParams)
    predictor = Predictor.load(MODEL)
    splits = {split: read_images(split) for split in SPLITS}
    for split, images in splits.items():
        where = f"{MODEL / CARD}: {DATASET / split}"
        check_classes(predictor.card, images.classes, where)
        check_images(predictor.card, images.channels, images.side_px, where)
    probabilities = {split: predictor.predict_pixels(images.pixels) for split, images in splits.items()}
    figures = measure(splits, probabilities, params)
    figures["test"] |= sex_metrics(splits["test"], probabilities["test"], read_sexes(), params)
    write_text(METRICS, format_metrics(marked(figures, splits.values(), read_split())))
    write_test_tables(splits["test"], probabilities["test"])
    draw(splits["test"], probabilities["test"], params)


if __name__ == "__main__":
    assert __spec__ is not None
    run_stage(__spec__.name)
