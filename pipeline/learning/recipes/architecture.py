"""What a network consists of: its layers with their output shapes, parameters and multiply-adds."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline.learning.recipes.recipe import Recipe


@dataclass(frozen=True)
class Layer:
    """One part of a network, in the order of computation."""

    name: str
    kind: str
    "Operations in order, such as `convolution 3x3, BatchNorm2d, ReLU`."
    shape: tuple[int, ...]
    "Output shape for one image: (maps, height, width) or (units,)."
    parameters: int
    "Number of learned values."
    multiply_adds: int
    "Multiply-adds of convolutions and fully connected layers, for one image."


def layers_of(recipe: Recipe, classes: int, channels: int) -> list[Layer]:
    """Return the layers of a recipe's network, from tensors without memory: nothing is computed."""
    with torch.device("meta"):
        model = recipe.build(classes, channels).eval()
        values = torch.empty(1, channels, recipe.input_px, recipe.input_px)
    layers = []
    for name, part in model.named_children():
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            values = part(values)
        parameters = sum(weights.numel() for weights in part.parameters())
        shape = tuple(values.shape[1:])
        layers.append(Layer(name, described(part), shape, parameters, counter.get_total_flops() // 2))
    return layers


def described(part: nn.Module) -> str:
    """Return what a part of a network does, in a few words."""
    if isinstance(part, nn.Sequential):
        return ", ".join(described(child) for child in part)
    if isinstance(part, nn.Conv2d):
        stride = f" / {part.stride[0]}" if part.stride[0] > 1 else ""
        return f"convolution {part.kernel_size[0]}x{part.kernel_size[1]}{stride}"
    return type(part).__name__
