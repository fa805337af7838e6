"""How the net was trained, and how it does on people it has not seen."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.learning.evaluation.calibration import Bin, by_confidence
from pipeline.learning.evaluation.metrics import Interval
from pipeline.report.charts import Chart, line_chart
from pipeline.report.sources import built, expected, read_json, read_table
from pipeline.runtime.paths import HISTORY, METRICS, PREDICTIONS
from pipeline.schema.history import Epoch, best_epoch, read_history
from pipeline.schema.predictions import Prediction
from pipeline.schema.split import SPLITS

_Z = 1.959964
"""Of the 95 % interval of a normal distribution."""

SHOWN_MISTAKES = 24
SHOWN_BINS = 10
"""Steps of confidence."""

_FIGURES = ("accuracy", "macro_f1", "loss", "images", "subjects")


@dataclass(frozen=True)
class Training:
    """The course of the training."""

    epochs: tuple[Epoch, ...]
    kept: Epoch
    "whose weights are the net"
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class SplitFigures:
    """What the net reaches on one split."""

    split: str
    accuracy: float
    macro_f1: float
    loss: float
    images: int
    subjects: int


@dataclass(frozen=True)
class SubjectFigures:
    """What the net reaches on one person."""

    subject: str
    accuracy: float
    images: int
    interval: Interval
    "95 %, as if the images were independent of each other"


@dataclass(frozen=True)
class SexFigures:
    """What the net reaches on the test subjects of one sex."""

    sex: str
    accuracy: float
    macro_f1: float
    images: int
    subjects: int


@dataclass(frozen=True)
class Apart:
    """How far the accuracy on women lies above that on men."""

    accuracy: float
    "negative where it lies below"
    interval: Interval | None
    "95 %, by resampling women and men; None where there are too few of either"


@dataclass(frozen=True)
class Test:
    """What the net reaches on the test subjects, as reports/metrics.json tells."""

    splits: tuple[SplitFigures, ...]
    intervals: Mapping[str, Interval | None]
    "accuracy and macro_f1 -> from resampling subjects; None where they are too few"
    classes: Mapping[str, Mapping[str, float]]
    "class -> precision, recall, f1, support"
    subjects: tuple[SubjectFigures, ...]
    sexes: tuple[SexFigures, ...] = ()
    apart: Apart | None = None
    "None where the test has no women, or no men"
    calibration_error: float | None = None
    "expected calibration error; None: an older emo wrote the figures"

    @property
    def test(self) -> SplitFigures:
        """The figures of the people whom the net has not seen."""
        return self.splits[-1]

    @property
    def chance(self) -> float:
        """The accuracy of guessing."""
        return 1 / len(self.classes)

    @property
    def commonest(self) -> float:
        """The accuracy of always naming the test's most frequent class."""
        support = [scores["support"] for scores in self.classes.values()]
        return max(support) / sum(support)


@dataclass(frozen=True)
class Confusion:
    """Which class is taken for which."""

    classes: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]
    "(actual, predicted) -> images"
    mistakes: tuple[Prediction, ...]
    "the surest first"
    total_mistakes: int
    bins: tuple[Bin, ...]
    "images by how sure the net was of them, without the empty bins"

    def actual(self, name: str) -> int:
        """Return how many images are of the class."""
        return sum(self.counts[name, other] for other in self.classes)

    @property
    def commonest(self) -> tuple[str, str, int] | None:
        """The commonest mistake: actual class, predicted class, images."""
        wrong = [(count, *pair) for pair, count in self.counts.items() if pair[0] != pair[1] and count]
        count, actual, predicted = min(wrong, key=lambda row: (-row[0], row), default=(0, "", ""))
        return (actual, predicted, count) if count else None


def read_training() -> Training:
    """Read reports/history.csv."""
    epochs = read_history(built(HISTORY))
    kept = best_epoch(epochs)
    charts = (_chart("Loss", "loss", epochs, kept), _chart("Accuracy", "accuracy", epochs, kept))
    return Training(tuple(epochs), kept, charts)


def _chart(title: str, what: str, epochs: Sequence[Epoch], kept: Epoch) -> Chart:
    lines = {split: [getattr(row, f"{split}_{what}") for row in epochs] for split in ("train", "validation")}
    return line_chart(title, lines, mark=kept.epoch, is_share=what == "accuracy")


def read_test() -> Test:
    """Read reports/metrics.json."""
    figures = read_json(METRICS)
    with expected(METRICS):
        return test_of(figures)


def test_of(figures: Mapping[str, Any]) -> Test:
    """Return the figures of metrics.json as records; raise ValueError where one is no number."""
    test = figures["test"]
    if not all(isinstance(value, int | float) for value in _numbers(figures)):
        raise ValueError("a figure is no number")
    if not sum(scores["support"] for scores in test["per_class"].values()):
        raise ValueError("no image of the test")
    return Test(
        splits=tuple(_split(split, figures[split]) for split in SPLITS),
        intervals={
            name: Interval(**limits) if limits else None for name, limits in test["interval_95"].items()
        },
        classes=test["per_class"],
        subjects=tuple(
            SubjectFigures(subject, row["accuracy"], row["images"], wilson(row["accuracy"], row["images"]))
            for subject, row in test["per_subject"].items()
        ),
        sexes=tuple(SexFigures(sex, **row) for sex, row in test.get("per_sex", {}).items()),
        apart=_apart(test.get("sex_difference")),
        calibration_error=test.get("calibration", {}).get("ece"),
    )


def _numbers(figures: Mapping[str, Any]) -> Iterator[object]:
    """Yield what the page prints as numbers."""
    for split in SPLITS:
        yield from (figures[split][name] for name in _FIGURES)
    for scores in figures["test"]["per_class"].values():
        yield from (scores[name] for name in ("precision", "recall", "f1", "support"))


def _apart(row: Mapping[str, Any] | None) -> Apart | None:
    limits = row and row["interval_95"]
    return Apart(row["accuracy"], Interval(**limits) if limits else None) if row else None


def _split(split: str, row: Mapping[str, Any]) -> SplitFigures:
    return SplitFigures(split, **{name: row[name] for name in _FIGURES})


def wilson(share: float, n: int) -> Interval:
    """Return the 95 % score interval of a share of n images (Wilson 1927, JASA 22: 209-212)."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def read_confusion() -> Confusion:
    """Read reports/predictions.csv."""
    return confusion_of(read_table(PREDICTIONS, Prediction))


def confusion_of(answers: Sequence[Prediction]) -> Confusion:
    """Return which class was taken for which, and the worst mistakes."""
    wrong = [row for row in answers if row.actual != row.predicted]
    wrong.sort(key=lambda row: (-row.confidence, row.image))
    confidence = np.array([row.confidence for row in answers])
    hits = np.array([row.actual == row.predicted for row in answers])
    return Confusion(
        classes=tuple(sorted({name for row in answers for name in (row.actual, row.predicted)})),
        counts=Counter((row.actual, row.predicted) for row in answers),
        mistakes=tuple(wrong[:SHOWN_MISTAKES]),
        total_mistakes=len(wrong),
        bins=tuple(row for row in by_confidence(confidence, hits, SHOWN_BINS) if row.images),
    )
