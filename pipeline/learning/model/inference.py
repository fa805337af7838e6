"""Nets ready to learn or to use, and the images as they see them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.learning.recipes.recipe import Recipe
from pipeline.runtime.errors import EmoError


def build_model(recipe: Recipe, classes: int, channels: int, *, start: bool = False) -> nn.Sequential:
    """Build a recipe's net: channels-last in memory, the faster order for convolutions on CPUs and CUDA.

    `start` gives it the weights that training starts from, drawn from PyTorch's global generator.
    """
    model = recipe.build(classes, channels)
    if start:
        recipe.start(model)  # before the order in memory changes, which is the order in which they are drawn
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def check_side(recipe: Recipe, side_px: int) -> None:
    """Raise EmoError where images are smaller than the recipe's net sees them: enlarging adds nothing."""
    if side_px >= recipe.input_px:
        return
    smallest = recipe.SMALLEST_PX
    remedy = f"set it to {side_px}" if side_px >= smallest else f"choose a recipe for less than {smallest}"
    raise EmoError(
        f"data/dataset: images of {side_px}x{side_px} pixels are too small for train: {recipe.NAME}: "
        f"input_px: {recipe.input_px}; {remedy}, or enlarge faces: crop: side_px, in params.yaml"
    )


def shrink(pixels: Tensor, input_px: int, batch: int = 4096) -> Tensor:
    """Scale images (n, c, side, side) uint8 down to the side that the net sees, by the mean of areas."""
    if pixels.shape[-1] == input_px:
        return pixels
    parts = [functional.interpolate(part.float(), input_px, mode="area") for part in pixels.split(batch)]
    return torch.cat([part.round_().to(torch.uint8) for part in parts])


def to_float(pixels: Tensor) -> Tensor:
    """(n, c, h, w) uint8 -> float32 in 0..1."""
    return pixels.float().div_(255)


@torch.inference_mode()
def all_logits(model: nn.Module, pixels: Tensor, batch: int = 512) -> Tensor:
    """Return the logits (n, classes) float32 of images (n, c, input_px, input_px) uint8.

    The logits are on the model's device.
    """
    model.eval()
    device = next(model.parameters()).device
    parts = [model(to_float(part.to(device))).float() for part in pixels.split(batch)]
    return torch.cat(parts)
