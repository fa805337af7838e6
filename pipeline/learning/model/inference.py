"""Building a recipe's model, preparing images for it, and computing logits."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.learning.recipes.recipe import Recipe
from pipeline.runtime.errors import EmoError


def build_model(recipe: Recipe, classes: int, channels: int, *, initialise: bool = False) -> nn.Sequential:
    """Build a recipe's model, channels-last in memory: the faster order for convolutions on CPU and CUDA.

    Args:
        recipe: The recipe with its settings.
        classes: Number of classes.
        channels: 1 for grey, 3 for RGB images.
        initialise: Whether to draw the initial weights of a training, from PyTorch's global generator.
    """
    model = recipe.build(classes, channels)
    if initialise:
        recipe.initialise(model)  # before the memory order changes: values are drawn in memory order
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def check_side(recipe: Recipe, side_px: int) -> None:
    """Raise EmoError if images are smaller than the model's input: enlarging them adds no information."""
    if side_px >= recipe.input_px:
        return
    smallest = recipe.SMALLEST_PX
    remedy = f"set it to {side_px}" if side_px >= smallest else f"choose a recipe for less than {smallest}"
    raise EmoError(
        f"data/dataset: images of {side_px}x{side_px} pixels are too small for train: {recipe.NAME}: "
        f"input_px: {recipe.input_px}; {remedy}, or enlarge faces: crop: side_px, in params.yaml"
    )


def shrink(pixels: Tensor, input_px: int, batch: int = 4096) -> Tensor:
    """Scale images (n, c, side, side) uint8 down to (n, c, input_px, input_px) by area averaging."""
    if pixels.shape[-1] == input_px:
        return pixels
    parts = [functional.interpolate(part.float(), input_px, mode="area") for part in pixels.split(batch)]
    return torch.cat([part.round_().to(torch.uint8) for part in parts])


def to_float(pixels: Tensor) -> Tensor:
    """(n, c, h, w) uint8 -> float32 in 0..1."""
    return pixels.float().div_(255)


@torch.inference_mode()
def all_logits(model: nn.Module, pixels: Tensor, batch: int = 512) -> Tensor:
    """Return the logits of images, on the model's device.

    (n, channels, input_px, input_px) uint8 -> (n, classes) float32.
    """
    model.eval()
    device = next(model.parameters()).device
    parts = [model(to_float(part.to(device))).float() for part in pixels.split(batch)]
    return torch.cat(parts)
