"""A trained net on disk: weights.safetensors and model.json, all that is needed to use it."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from pipeline.core.errors import EmoError
from pipeline.core.params import build, check_choice
from pipeline.core.paths import MODEL
from pipeline.core.tables import replacing, write_text
from pipeline.learning.models import build_model
from pipeline.learning.recipes.registry import RECIPES

WEIGHTS, CARD = "weights.safetensors", "model.json"


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
    model = build_model(recipe, len(card.classes), card.channels)
    try:
        model.load_state_dict(_read_weights(folder / WEIGHTS, card.weights_sha256))
    except RuntimeError:
        raise EmoError(
            f"{folder / WEIGHTS}: its layers are not those of {folder / CARD}; run `dvc repro train`"
        ) from None
    return model.to(device or torch.device("cpu")).eval(), card


def read_card(path: Path) -> ModelCard:
    """Read and check model.json."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; run `dvc repro train`") from None
    except ValueError:
        raise EmoError(f"{path}: not valid JSON; run `dvc repro --force train`") from None
    return build(ModelCard, values, str(path))


def check_classes(card: ModelCard, classes: tuple[str, ...], where: str) -> None:
    """Raise EmoError unless a net was trained for just these classes."""
    if card.classes != classes:
        raise EmoError(
            f"{where}: the net knows {', '.join(card.classes)}, the dataset holds "
            f"{', '.join(classes)}; run `dvc repro train`"
        )


def _read_weights(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; run `dvc repro train`") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise EmoError(
            f"{path}: broken, or not the weights that {CARD} describes; "
            "run `dvc checkout` or `dvc repro --force train`"
        )
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        raise EmoError(f"{path}: not a safetensors file ({error}); run `dvc repro --force train`") from None
