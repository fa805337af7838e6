"""The history of a training: one row per epoch in reports/history.csv."""

import csv
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import HISTORY


@dataclass(frozen=True)
class Epoch:
    """One row of reports/history.csv."""

    epoch: int
    "Number of the epoch: 1, 2, 3 ..."
    learning_rate: float
    "Learning rate of the epoch's last step."
    train_loss: float
    "Mean loss over the epoch, of augmented images and with dropout."
    train_accuracy: float
    "Accuracy over the epoch, of augmented images and with dropout."
    validation_loss: float
    "Loss after the epoch, of unchanged images: the same weighted, smoothed cross-entropy."
    validation_accuracy: float
    "Accuracy after the epoch, of unchanged images."
    best: bool
    "Whether the validation loss is the lowest so far."


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the lowest validation loss, whose weights are kept."""
    return [row for row in history if row.best][-1]


def format_history(history: Sequence[Epoch]) -> str:
    """Return the CSV text of a history, in the order of epochs (`write_csv` would sort them as text)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in dataclasses.fields(Epoch))
    for row in history:
        rate, *figures = dataclasses.astuple(row)[1:-1]
        rounded = [f"{figure:.6f}" for figure in figures]
        writer.writerow([row.epoch, f"{rate:.6g}", *rounded, str(row.best).lower()])
    return out.getvalue()


def read_history(path: Path = HISTORY) -> list[Epoch]:
    """Read a history; raise EmoError if no epoch is the best."""
    history = read_csv(path, Epoch, key="epoch", made_by="train")
    if not any(row.best for row in history):
        raise EmoError(f"{path}: best: no epoch is true; run `dvc repro --force train`")
    return history
