"""Checkpoints: a trained model on disk as weights.safetensors and model.json."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from pipeline.learning.model.inference import build_model
from pipeline.learning.recipes.registry import RECIPES
from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing, write_text
from pipeline.runtime.params import build
from pipeline.runtime.paths import MODEL
from pipeline.runtime.text import listed
from pipeline.schema.checkpoint import CARD, WEIGHTS, ModelCard, read_card, read_checkpoint_file


def save_model(model: nn.Module, card: ModelCard, folder: Path = MODEL) -> None:
    """Write a model's weights and its card; the card gets the SHA-256 of the weights."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    data = safetensors.torch.save(tensors)
    card = dataclasses.replace(card, weights_sha256=hashlib.sha256(data).hexdigest())
    with replacing(folder / WEIGHTS) as temporary:
        temporary.write_bytes(data)
    write_text(folder / CARD, json.dumps(dataclasses.asdict(card), indent=2) + "\n")


def load_model(folder: Path = MODEL, device: torch.device | None = None) -> tuple[nn.Module, ModelCard]:
    """Read a checkpoint: the model in evaluation mode, and its card.

    Raises NotBuiltError if a file is missing, and EmoError if one is damaged or the two do not match.
    """
    card = read_card(folder / CARD)
    check_recipe(card, folder / CARD)
    recipe = build(RECIPES[card.recipe], card.settings, f"{folder / CARD}: settings")
    if recipe.input_px != card.input_px:
        raise EmoError(
            f"{folder / CARD}: input_px: {card.input_px}, but {recipe.input_px} in its settings; "
            "run `dvc repro --force train`"
        )
    weights = _read_weights(folder / WEIGHTS, card.weights_sha256)
    with torch.device("meta"):  # without memory: a damaged card may describe gigabytes of weights
        expected = recipe.build(len(card.classes), card.channels).state_dict()
    if _shapes(weights) != _shapes(expected):
        raise EmoError(
            f"{folder / WEIGHTS}: its layers do not match those of {folder / CARD}; run `dvc repro train`"
        )
    model = build_model(recipe, len(card.classes), card.channels)
    model.load_state_dict(weights)
    return model.to(device or torch.device("cpu")).eval(), card


def check_recipe(card: ModelCard, path: Path) -> None:
    """Raise EmoError if this version of emo does not have the recipe of a model."""
    if card.recipe not in RECIPES:
        raise EmoError(
            f"{path}: recipe: {card.recipe!r} is not one of {listed(RECIPES, 20)}; "
            "use the version of emo that trained it, or run `dvc repro train`"
        )


def check_classes(card: ModelCard, classes: tuple[str, ...], where: str) -> None:
    """Raise EmoError unless a model was trained for exactly these classes."""
    if card.classes != classes:
        raise EmoError(
            f"{where}: the classes of the dataset are {', '.join(classes)}, but the model was trained for "
            f"{', '.join(card.classes)}; run `dvc repro train`"
        )


def check_images(card: ModelCard, channels: int, side_px: int, where: str) -> None:
    """Raise EmoError unless a model was trained on images with this number of channels and side."""
    if (card.channels, card.side_px) != (channels, side_px):
        kinds = {1: "grey", 3: "colour"}
        raise EmoError(
            f"{where}: {kinds[channels]} images of {side_px} pixels, but the model was trained on "
            f"{kinds[card.channels]} images of {card.side_px} pixels; run `dvc repro train`"
        )


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _read_weights(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    data = read_checkpoint_file(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise EmoError(
            f"{path}: damaged, or not the weights that {CARD} describes; "
            "run `dvc checkout` or `dvc repro --force train`"
        )
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        raise EmoError(f"{path}: not a safetensors file ({error}); run `dvc repro --force train`") from None
