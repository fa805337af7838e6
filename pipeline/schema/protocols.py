"""reports/protocols.csv and reports/protocols.json: the metrics of `emo protocols`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FoldRow:
    """One row of reports/protocols.csv: one training."""

    protocol: str
    seed: int
    fold: str
    epochs: int
    "number of epochs run"
    best_epoch: int
    train_images: int
    validation_images: int
    test_images: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    test_loss: float
    test_accuracy: float
    test_macro_f1: float
