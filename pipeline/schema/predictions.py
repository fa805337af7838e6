"""reports/predictions.csv and reports/confusion.csv: what the model predicts for every test image."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.paths import PREDICTIONS


@dataclass(frozen=True)
class Prediction:
    """One row of reports/predictions.csv: a test image and its predicted class."""

    image: str
    "Name of the image in its shard."
    subject: str
    clip: str
    frame: int
    "Index of the frame in the recording's video stream."
    time_s: float
    "Time of the frame in the recording, in seconds."
    actual: str
    "Class of the image."
    predicted: str
    "Most probable class."
    confidence: float
    "Probability of the predicted class, rounded to six digits."
    extra: dict[str, str] = field(default_factory=dict, compare=False)
    "Further columns, kept as they are."

    @property
    def is_correct(self) -> bool:
        """Whether the predicted class is the actual one."""
        return self.actual == self.predicted


@dataclass(frozen=True)
class ConfusionRow:
    """One row of reports/confusion.csv, for `dvc plots`: a test image."""

    actual: str
    predicted: str


def read_predictions(path: Path = PREDICTIONS) -> list[Prediction]:
    """Return the rows of reports/predictions.csv."""
    return read_csv(path, Prediction, key="image", made_by="evaluate")


def worst_first(predictions: Iterable[Prediction]) -> list[Prediction]:
    """Return the misclassified images, the most confident first."""
    wrong = [row for row in predictions if not row.is_correct]
    return sorted(wrong, key=lambda row: (-row.confidence, row.image))
