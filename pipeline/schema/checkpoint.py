"""models/: the trained model on disk, weights.safetensors and model.json."""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import build, check_range
from pipeline.runtime.paths import MODEL

WEIGHTS, CARD = "weights.safetensors", "model.json"

_LARGEST_PX = 4096


@dataclass(frozen=True)
class ModelCard:
    """The content of models/model.json."""

    recipe: str
    "name of the recipe"
    settings: object
    "a mapping: the recipe's settings, as in params.yaml"
    classes: tuple[str, ...]
    "in the order of the outputs"
    side_px: int
    "side of the face crops in the dataset"
    input_px: int
    "side to which `shrink` scales them for the network"
    channels: int
    "1 grey, 3 RGB"
    normalisation: str
    "in words; the network does it itself"
    seed: int
    epochs: int
    "number of epochs run"
    best_epoch: int
    "the epoch whose weights these are"
    torch: str
    "version of PyTorch that trained"
    weights_sha256: str

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels: {self.channels} is not 1 or 3")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: {list(self.classes)} is not a list of different names")
        check_range("side_px", self.side_px, 1, _LARGEST_PX)
        check_range("input_px", self.input_px, 1, self.side_px)


def read_card(path: Path = MODEL / CARD) -> ModelCard:
    """Read and check model.json; raise EmoError where it is missing or damaged."""
    try:
        values = json.loads(read_checkpoint_file(path).decode("utf-8"))
    except (ValueError, RecursionError):
        raise EmoError(f"{path}: not valid JSON; run `dvc repro --force train`") from None
    return build(ModelCard, values, str(path))


def read_checkpoint_file(path: Path) -> bytes:
    """Return a file of models/; raise EmoError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; run `dvc repro train`") from None
    except OSError as error:
        raise EmoError(
            f"{path}: cannot be read: {error.strerror}; remove it and run `dvc repro --force train`"
        ) from None
