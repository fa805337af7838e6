"""models/model.json: the description of a trained model, whose weights are in weights.safetensors."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.errors import EmoError, NotBuiltError, reason
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.params import build, check_range
from pipeline.runtime.paths import MODEL

WEIGHTS, CARD = "weights.safetensors", "model.json"

_LARGEST_PX = 4096
"""Largest side of face crops that is read."""


@dataclass(frozen=True)
class ModelCard:
    """The content of models/model.json."""

    recipe: str
    "Name of the recipe."
    settings: object
    "Mapping of the recipe's settings, as in params.yaml."
    classes: tuple[str, ...]
    "Names of the classes, in the order of the outputs."
    side_px: int
    "Side of the dataset's face crops in pixels."
    input_px: int
    "Side of the network's input in pixels, to which `shrink` scales the crops."
    channels: int
    "Channels of the images: 1 for grey, 3 for RGB."
    normalisation: str
    "Description of the normalisation, which the network does itself."
    seed: int
    "Seed of the training."
    epochs: int
    "Number of epochs run."
    best_epoch: int
    "Epoch whose weights were kept, 1 for the first."
    torch: str
    "Version of PyTorch used for the training."
    weights_sha256: str
    "SHA-256 of weights.safetensors."

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels: {self.channels} is not 1 or 3")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: {list(self.classes)} is not a list of different names")
        check_range("side_px", self.side_px, 1, _LARGEST_PX)
        check_range("input_px", self.input_px, 1, self.side_px)


def read_card(path: Path = MODEL / CARD) -> ModelCard:
    """Read and check model.json; raise NotBuiltError if it is missing, EmoError if it is damaged."""
    try:
        values = parse_json(read_checkpoint_file(path))
    except ValueError:
        raise EmoError(f"{path}: not valid JSON; run `dvc repro --force train`") from None
    return build(ModelCard, values, str(path))


def read_checkpoint_file(path: Path) -> bytes:
    """Return the content of a file of models/; raise NotBuiltError if it is missing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotBuiltError(f"{path}: no such file; run `dvc repro train`") from None
    except OSError as error:
        raise EmoError(
            f"{path}: cannot be read: {reason(error)}; remove it and run `dvc repro --force train`"
        ) from None
