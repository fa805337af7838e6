"""The course of the training, and the metrics of the model on unseen subjects."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.learning.evaluation.calibration import Bin, by_confidence
from pipeline.learning.evaluation.metrics import Interval
from pipeline.report.charts import Chart, line_chart
from pipeline.report.sources import expected, read_json, read_table
from pipeline.runtime.paths import HISTORY, METRICS, PREDICTIONS
from pipeline.schema.history import Epoch, best_epoch, read_history
from pipeline.schema.predictions import Prediction, read_predictions, worst_first
from pipeline.schema.split import SPLITS

_Z = 1.959964
"""Standard deviations to either end of the 95 % interval of a normal distribution."""

SHOWN_MISTAKES = 24
SHOWN_BINS = 10
"""Bins of confidence."""

_METRICS = ("accuracy", "macro_f1", "loss", "images", "subjects")


@dataclass(frozen=True)
class Training:
    """The course of the training."""

    epochs: tuple[Epoch, ...]
    kept: Epoch
    "The epoch whose weights the model has."
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class SplitMetrics:
    """The metrics of one split."""

    split: str
    accuracy: float
    macro_f1: float
    loss: float
    images: int
    subjects: int


@dataclass(frozen=True)
class SubjectMetrics:
    """The metrics of one test subject."""

    subject: str
    accuracy: float
    images: int
    interval: Interval
    "95 %, as if the images were independent of each other."


@dataclass(frozen=True)
class SexMetrics:
    """The metrics of the test subjects of one sex."""

    sex: str
    accuracy: float
    macro_f1: float
    images: int
    subjects: int


@dataclass(frozen=True)
class SexDifference:
    """The accuracy on female test subjects minus that on male ones."""

    accuracy: float
    interval: Interval | None
    "95 %, by resampling the subjects of each sex; None if either has too few."


@dataclass(frozen=True)
class ModelMetrics:
    """The metrics of the trained model, from reports/metrics.json."""

    splits: tuple[SplitMetrics, ...]
    intervals: Mapping[str, Interval | None]
    "Accuracy and macro_f1 -> 95 % interval by resampling test subjects; None if they are too few."
    classes: Mapping[str, Mapping[str, float]]
    "Class -> precision, recall, f1, support (of the test)."
    subjects: tuple[SubjectMetrics, ...]
    sexes: tuple[SexMetrics, ...] = ()
    sex_difference: SexDifference | None = None
    "None if the test has no female or no male subjects."
    calibration_error: float | None = None
    "Expected calibration error; None if an older version of emo wrote the metrics."

    @property
    def test(self) -> SplitMetrics:
        """The metrics of the subjects that the model was not trained on."""
        return self.splits[-1]

    @property
    def chance(self) -> float:
        """The accuracy of random guessing."""
        return 1 / len(self.classes)

    @property
    def majority(self) -> float:
        """The accuracy of always predicting the most frequent class of the test."""
        support = [scores["support"] for scores in self.classes.values()]
        return max(support) / sum(support)


@dataclass(frozen=True)
class Confusion:
    """The predictions of the test images, counted by class and by confidence."""

    classes: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]
    "(actual, predicted) -> images."
    mistakes: tuple[Prediction, ...]
    "The most confident first, at most SHOWN_MISTAKES."
    total_mistakes: int
    bins: tuple[Bin, ...]
    "Images by confidence, without the empty bins."

    def actual(self, name: str) -> int:
        """Return the number of test images of a class."""
        return sum(self.counts[name, other] for other in self.classes)

    @property
    def commonest(self) -> tuple[str, str, int] | None:
        """The most frequent mistake: actual class, predicted class, images; None if there is none."""
        wrong = [(count, *pair) for pair, count in self.counts.items() if pair[0] != pair[1] and count]
        count, actual, predicted = min(wrong, key=lambda row: (-row[0], row), default=(0, "", ""))
        return (actual, predicted, count) if count else None


def read_training() -> Training:
    """Read reports/history.csv."""
    epochs = read_table(HISTORY, read_history)
    kept = best_epoch(epochs)
    charts = (_chart("Loss", "loss", epochs, kept), _chart("Accuracy", "accuracy", epochs, kept))
    return Training(tuple(epochs), kept, charts)


def _chart(title: str, metric: str, epochs: Sequence[Epoch], kept: Epoch) -> Chart:
    lines = {
        split: [getattr(row, f"{split}_{metric}") for row in epochs] for split in ("train", "validation")
    }
    return line_chart(title, lines, kept=kept.epoch, is_share=metric == "accuracy")


def read_metrics() -> ModelMetrics:
    """Read reports/metrics.json."""
    metrics = read_json(METRICS)
    with expected(METRICS):
        return model_metrics(metrics)


def model_metrics(metrics: Mapping[str, Any]) -> ModelMetrics:
    """Return the content of metrics.json as records; raise ValueError if a metric is not a number."""
    test = metrics["test"]
    for where, value in _shown_numbers(metrics):
        if not isinstance(value, int | float):
            raise ValueError(f"{where} is not a number")
    if not sum(scores["support"] for scores in test["per_class"].values()):
        raise ValueError("no test image")
    return ModelMetrics(
        splits=tuple(
            SplitMetrics(split, **{name: metrics[split][name] for name in _METRICS}) for split in SPLITS
        ),
        intervals={name: _interval(limits) for name, limits in test["interval_95"].items()},
        classes=test["per_class"],
        subjects=tuple(
            SubjectMetrics(subject, row["accuracy"], row["images"], wilson(row["accuracy"], row["images"]))
            for subject, row in test["per_subject"].items()
        ),
        sexes=tuple(SexMetrics(sex, **row) for sex, row in test.get("per_sex", {}).items()),
        sex_difference=_sex_difference(test.get("sex_difference")),
        calibration_error=test.get("calibration", {}).get("ece"),
    )


def _shown_numbers(metrics: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the values that the page prints as numbers, with their keys."""
    for split in SPLITS:
        yield from ((f"{split}.{name}", metrics[split][name]) for name in _METRICS)
    for label, scores in metrics["test"]["per_class"].items():
        yield from ((f"{label}.{name}", scores[name]) for name in ("precision", "recall", "f1", "support"))


def _sex_difference(row: Mapping[str, Any] | None) -> SexDifference | None:
    return SexDifference(row["accuracy"], _interval(row["interval_95"])) if row else None


def _interval(limits: Mapping[str, float] | None) -> Interval | None:
    return Interval(**limits) if limits else None


def wilson(share: float, n: int) -> Interval:
    """Return the 95 % score interval of a share of n images (Wilson 1927, JASA 22: 209-212)."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def read_confusion() -> Confusion:
    """Read reports/predictions.csv."""
    return count_confusion(read_table(PREDICTIONS, read_predictions))


def count_confusion(predictions: list[Prediction]) -> Confusion:
    """Return the predictions by class and by confidence, and the most confident mistakes."""
    mistakes = worst_first(predictions)
    confidence = np.array([row.confidence for row in predictions])
    hits = np.array([row.is_correct for row in predictions])
    return Confusion(
        classes=tuple(sorted({name for row in predictions for name in (row.actual, row.predicted)})),
        counts=Counter((row.actual, row.predicted) for row in predictions),
        mistakes=tuple(mistakes[:SHOWN_MISTAKES]),
        total_mistakes=len(mistakes),
        bins=tuple(row for row in by_confidence(confidence, hits, SHOWN_BINS) if row.images),
    )
