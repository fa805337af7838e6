"""A trained net on disk: weights.safetensors and model.json, all that is needed to use it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from pipeline.core.errors import EmoError
from pipeline.core.params import build, check_choice, check_range
from pipeline.core.paths import MODEL
from pipeline.core.tables import replacing, write_text
from pipeline.learning.models import build_model
from pipeline.learning.recipes.registry import RECIPES

WEIGHTS, CARD = "weights.safetensors", "model.json"

_LARGEST_PX = 4096


@dataclass(frozen=True)
class ModelCard:
    """What model.json holds."""

    recipe: str
    "the net's name"
    settings: object
    "a mapping: the recipe's, as in params.yaml"
    classes: tuple[str, ...]
    "in the order of the outputs"
    side_px: int
    "of the face crops in the dataset"
    input_px: int
    "side to which `shrink` brings them for the net"
    channels: int
    "1 grey, 3 RGB"
    normalisation: str
    "in words; the net does it itself"
    seed: int
    epochs: int
    "run"
    best_epoch: int
    "whose weights these are"
    torch: str
    "the version that trained"
    weights_sha256: str

    def __post_init__(self) -> None:
        check_choice("recipe", self.recipe, RECIPES)
        if self.channels not in (1, 3):
            raise ValueError(f"channels: {self.channels} is not 1 or 3")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: {list(self.classes)} is not a list of different names")
        check_range("side_px", self.side_px, 1, _LARGEST_PX)
        check_range("input_px", self.input_px, 1, self.side_px)


def save_model(model: nn.Module, card: ModelCard, folder: Path = MODEL) -> None:
    """Write a net and its card; the card gets the digest of the weights."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    data = safetensors.torch.save(tensors)
    card = dataclasses.replace(card, weights_sha256=hashlib.sha256(data).hexdigest())
    with replacing(folder / WEIGHTS) as temporary:
        temporary.write_bytes(data)
    write_text(folder / CARD, json.dumps(dataclasses.asdict(card), indent=2) + "\n")


def load_model(folder: Path = MODEL, device: torch.device | None = None) -> tuple[nn.Module, ModelCard]:
    """Read a net with its weights, ready for use, and its card.

    Raises EmoError where a file is missing or broken, or where the two do not belong together.
    """
    card = read_card(folder / CARD)
    recipe = build(RECIPES[card.recipe], card.settings, f"{folder / CARD}: settings")
    if recipe.input_px != card.input_px:
        raise EmoError(
            f"{folder / CARD}: input_px: {card.input_px}, but {recipe.input_px} in its settings; "
            "run `dvc repro --force train`"
        )
    weights = _read_weights(folder / WEIGHTS, card.weights_sha256)
    with torch.device("meta"):  # takes no memory: a card may ask for gigabytes that the weights do not fill
        expected = recipe.build(len(card.classes), card.channels).state_dict()
    if _forms(weights) != _forms(expected):
        raise EmoError(
            f"{folder / WEIGHTS}: its layers are not those of {folder / CARD}; run `dvc repro train`"
        )
    model = build_model(recipe, len(card.classes), card.channels)
    model.load_state_dict(weights)
    return model.to(device or torch.device("cpu")).eval(), card


def read_card(path: Path) -> ModelCard:
    """Read and check model.json."""
    try:
        values = json.loads(_read(path).decode("utf-8"))
    except (ValueError, RecursionError):
        raise EmoError(f"{path}: not valid JSON; run `dvc repro --force train`") from None
    return build(ModelCard, values, str(path))


def check_classes(card: ModelCard, classes: tuple[str, ...], where: str) -> None:
    """Raise EmoError unless a net was trained for just these classes."""
    if card.classes != classes:
        raise EmoError(
            f"{where}: the net knows {', '.join(card.classes)}, the dataset holds "
            f"{', '.join(classes)}; run `dvc repro train`"
        )


def check_images(card: ModelCard, channels: int, side_px: int, where: str) -> None:
    """Raise EmoError unless a net was trained on images of this kind."""
    if (card.channels, card.side_px) != (channels, side_px):
        kinds = {1: "grey", 3: "colour"}
        raise EmoError(
            f"{where}: {kinds[channels]} faces of {side_px} pixels, but the net was trained on "
            f"{kinds[card.channels]} ones of {card.side_px}; run `dvc repro train`"
        )


def _forms(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; run `dvc repro train`") from None
    except OSError as error:
        raise EmoError(
            f"{path}: cannot be read: {error.strerror}; remove it and run `dvc repro --force train`"
        ) from None


def _read_weights(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise EmoError(
            f"{path}: broken, or not the weights that {CARD} describes; "
            "run `dvc checkout` or `dvc repro --force train`"
        )
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        raise EmoError(f"{path}: not a safetensors file ({error}); run `dvc repro --force train`") from None
