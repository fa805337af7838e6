"""reports/protocols.csv: one training of `emo protocols` per row."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FoldRow:
    """One row of reports/protocols.csv: one training, measured on unchanged images."""

    protocol: str
    seed: int
    fold: str
    "`all`, the number of the test fold, or the test subject."
    epochs: int
    "Number of epochs run."
    best_epoch: int
    "Epoch whose weights were measured, 1 for the first."
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
