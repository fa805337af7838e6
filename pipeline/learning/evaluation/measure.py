"""learning.evaluation.measure."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.figures import plots as report
from pipeline.figures.style import save_figure
from pipeline.learning.evaluation import calibration, metrics
from pipeline.learning.model.image_set import ImageSet
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import check_range
from pipeline.runtime.paths import (
    CALIBRATION_PLOT,
    CONFUSION,
    CONFUSION_PLOT,
    CURVES_PLOT,
    HISTORY,
    MISTAKES_PLOT,
    PREDICTIONS,
    SPLIT,
)
from pipeline.schema.history import best_epoch, read_history
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.predictions import ConfusionRow, Prediction
from pipeline.schema.split import SplitRow, read_split, split_caveat


@dataclass(frozen=True)
class EvaluateParams:
    """The section `evaluate` of params.yaml."""

    seed: int
    "of the resampling"
    resamples: int
    "cohorts drawn for the intervals"
    mistakes: int
    "faces on the sheet, the most confident first"
    calibration_bins: int
    "by confidence, of equal width"

    def __post_init__(self) -> None:
        check_range("seed", self.seed, 0, 2**31 - 1)
        check_range("resamples", self.resamples, 100, 1_000_000)
        check_range("mistakes", self.mistakes, 1, 600)
        check_range("calibration_bins", self.calibration_bins, 2, 100)


def measure(
    splits: dict[str, ImageSet], probabilities: dict[str, np.ndarray], params: EvaluateParams
) -> dict[str, Any]:
    """Return the content of reports/metrics.json."""
    figures: dict[str, Any] = {
        split: split_metrics(images, probabilities[split]) for split, images in splits.items()
    }
    figures["test"] |= test_metrics(splits["test"], probabilities["test"], params)
    return figures


def marked(
    figures: dict[str, Any], splits: Iterable[ImageSet], rows: Mapping[str, SplitRow]
) -> dict[str, Any]:
    """Return the figures, with a mark where `rows` say that subjects are no people, but images.

    Such a subject has one image: there is nothing to tell of it by itself.
    """
    present = {row.subject for images in splits for row in images.provenance}
    known = [rows[subject] for subject in present & rows.keys()]
    if not (caveat := split_caveat(known)):
        return figures
    alone = {row.subject for row in known if row.is_image}
    by_subject = figures["test"]["per_subject"]
    people = {subject: row for subject, row in by_subject.items() if subject not in alone}
    return {"subjects": full_caveat(caveat)} | figures | {"test": figures["test"] | {"per_subject": people}}


def split_metrics(images: ImageSet, probabilities: np.ndarray) -> dict[str, Any]:
    """Return loss, accuracy and macro F1 of one split, and how many images and subjects it has."""
    labels = images.labels.numpy()
    confusion = metrics.confusion_matrix(labels, probabilities.argmax(1), len(images.classes))
    return {
        "loss": metrics.cross_entropy(probabilities, labels),
        "accuracy": float(metrics.accuracy(confusion)),
        "macro_f1": float(metrics.macro_f1(confusion)),
        "images": len(images),
        "subjects": len({row.subject for row in images.provenance}),
    }


def test_metrics(images: ImageSet, probabilities: np.ndarray, params: EvaluateParams) -> dict[str, Any]:
    """Return scores per class and per subject, intervals from resampling subjects, and the calibration."""
    by_subject = _by_subject(images, probabilities)
    confusions = np.stack(list(by_subject.values()))
    scores = metrics.class_scores(confusions.sum(0))
    return {
        "per_class": {
            name: dataclasses.asdict(score) for name, score in zip(images.classes, scores, strict=True)
        },
        "per_subject": {
            subject: {"accuracy": float(metrics.accuracy(confusion)), "images": int(confusion.sum())}
            for subject, confusion in by_subject.items()
        },
        "interval_95": intervals(confusions, params),
        "calibration": calibration_metrics(images, probabilities, params),
    }


test_metrics.__test__ = False  # type: ignore[attr-defined]  # its name is no test's


def intervals(confusions: np.ndarray, params: EvaluateParams) -> dict[str, Any]:
    """Return the 95 % intervals of accuracy and macro F1; none of fewer subjects than `metrics.FEWEST`."""
    generator = np.random.default_rng(params.seed)
    cohorts = metrics.resampled_subjects(confusions, params.resamples, generator)
    figures = {"accuracy": metrics.accuracy(cohorts), "macro_f1": metrics.macro_f1(cohorts)}
    return {name: _limits(metrics.interval(values, len(confusions))) for name, values in figures.items()}


def _limits(interval: metrics.Interval | None) -> dict[str, float] | None:
    return dataclasses.asdict(interval) if interval else None


def calibration_metrics(
    images: ImageSet, probabilities: np.ndarray, params: EvaluateParams
) -> dict[str, Any]:
    """Return how far the probabilities may be believed: 0 is best for each of the figures."""
    labels = images.labels.numpy()
    bins = calibration.reliability(probabilities, labels, params.calibration_bins)
    return {
        "ece": calibration.calibration_error(bins),
        "brier": calibration.brier_score(probabilities, labels),
        "nll": metrics.cross_entropy(probabilities, labels),
    }


def read_sexes() -> dict[str, str]:
    """Return the sex of each subject by data/split.csv: F, M, X, or empty where nobody said."""
    return {subject: row.sex for subject, row in read_split().items()}


def sex_metrics(
    images: ImageSet, probabilities: np.ndarray, sexes: Mapping[str, str], params: EvaluateParams
) -> dict[str, Any]:
    """Return what the net reaches on each sex, and how far women and men are apart.

    Raises EmoError for a subject of whom data/split.csv has no row.
    """
    groups: dict[str, list[np.ndarray]] = {}
    for subject, confusion in _by_subject(images, probabilities).items():
        if subject not in sexes:
            raise EmoError(f"{SPLIT}: no row of {subject}, who is in the dataset; run `dvc repro dataset`")
        groups.setdefault(sexes[subject] or "not stated", []).append(confusion)
    stacks = {sex: np.stack(groups[sex]) for sex in sorted(groups)}
    return {
        "per_sex": {sex: _group_metrics(stack) for sex, stack in stacks.items()},
        "sex_difference": sex_difference(stacks, params),
    }


def sex_difference(stacks: Mapping[str, np.ndarray], params: EvaluateParams) -> dict[str, Any] | None:
    """Return women's accuracy minus men's with its 95 % interval; None where one of them is missing.

    `stacks` are (subjects, k, k) by sex. Women and men are resampled each among themselves; of fewer than
    `metrics.FEWEST` of either there is no interval, and the fewer of them decide how far it is widened.
    """
    if not {"F", "M"} <= stacks.keys():
        return None
    women, men = stacks["F"], stacks["M"]
    difference = metrics.accuracy(women.sum(0)) - metrics.accuracy(men.sum(0))
    generator = np.random.default_rng(params.seed)
    drawn = (metrics.resampled_subjects(group, params.resamples, generator) for group in (women, men))
    first, second = map(metrics.accuracy, drawn)
    limits = metrics.interval(first - second, min(len(women), len(men)))
    return {"accuracy": float(difference), "interval_95": _limits(limits)}


def format_metrics(figures: dict[str, Any]) -> str:
    """Return JSON with six digits after the point: more differ from one processor to another."""
    return json.dumps(_rounded(figures), indent=2) + "\n"


def predictions(images: ImageSet, probabilities: np.ndarray) -> list[Prediction]:
    """Return one row an image, in the order of the images."""
    names = images.classes
    return [
        Prediction(
            row.path,
            row.subject,
            row.clip,
            row.frame,
            row.time_s,
            names[label],
            names[chances.argmax()],
            round(float(chances.max()), 6),
        )
        for row, label, chances in zip(images.provenance, images.labels.tolist(), probabilities, strict=True)
    ]


def write_test_tables(images: ImageSet, probabilities: np.ndarray) -> None:
    """Write reports/predictions.csv and reports/confusion.csv."""
    rows = predictions(images, probabilities)
    write_csv(PREDICTIONS, rows, Prediction)
    write_csv(CONFUSION, [ConfusionRow(row.actual, row.predicted) for row in rows], ConfusionRow)


def draw(images: ImageSet, probabilities: np.ndarray, params: EvaluateParams) -> None:
    """Write the pictures: learning curves, confusion matrix, worst mistakes, calibration."""
    history = read_history(HISTORY)
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    curves = {name: [getattr(row, name) for row in history] for name in names}
    save_figure(report.learning_curves(curves, best_epoch(history).epoch), CURVES_PLOT)

    labels, predicted = images.labels.numpy(), probabilities.argmax(1)
    confusion = metrics.confusion_matrix(labels, predicted, len(images.classes))
    title = f"test: {metrics.accuracy(confusion):.1%} of {len(images)} images"
    save_figure(report.confusion_plot(confusion, images.classes, title), CONFUSION_PLOT)

    worst = worst_mistakes(images, probabilities, params.mistakes)
    title = f"test: {(labels != predicted).sum()} mistakes of {len(images)} images"
    title += f", the {len(worst)} most confident" if worst else ""
    save_figure(report.mistakes_sheet(worst, title), MISTAKES_PLOT)

    bins = calibration.reliability(probabilities, labels, params.calibration_bins)
    title = f"test: expected calibration error {calibration.calibration_error(bins):.1%}"
    save_figure(report.reliability_diagram(bins, title), CALIBRATION_PLOT)


def worst_mistakes(images: ImageSet, probabilities: np.ndarray, limit: int) -> list[report.Mistake]:
    """Return the mistakes of which the net is surest, the surest first."""
    rows = predictions(images, probabilities)
    wrong = [i for i, row in enumerate(rows) if row.actual != row.predicted]
    wrong.sort(key=lambda i: (-rows[i].confidence, rows[i].image))
    return [_mistake(rows[i], images.pixels[i].numpy()) for i in wrong[:limit]]


def _by_subject(images: ImageSet, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    subjects = [row.subject for row in images.provenance]
    predicted = probabilities.argmax(1)
    return metrics.subject_confusions(images.labels.numpy(), predicted, subjects, len(images.classes))


def _group_metrics(confusions: np.ndarray) -> dict[str, Any]:
    together = confusions.sum(0)
    return {
        "accuracy": float(metrics.accuracy(together)),
        "macro_f1": float(metrics.macro_f1(together)),
        "images": int(together.sum()),
        "subjects": len(confusions),
    }


def _mistake(row: Prediction, pixels: np.ndarray) -> report.Mistake:
    image = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    return report.Mistake(image, row.subject, row.clip, row.time_s, row.actual, row.predicted, row.confidence)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value
