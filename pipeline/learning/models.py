"""The networks. Each recipe is one dataclass of settings and one builder.

The LeNet-like net against LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning
applied to document recognition, Proceedings of the IEEE 86(11), section II.B), at an input of 32x32:

| layer | here | LeNet-5 |
|---|---|---|
| input | 32x32, each image to mean 0 and standard deviation 1 | 32x32, white -0.1, black 1.175 |
| C1 | 5x5, 28x28 | 6 maps, 5x5, 28x28, squashed |
| S2 | maximum (or mean) of 2x2, 14x14 | sum of 2x2 times a weight, plus a bias, 14x14, squashed |
| C3 | 5x5, each map sees all of S2, 10x10 | 16 maps, 5x5, each sees 3 to 6 maps of S2, 10x10, squashed |
| S4 | as S2, 5x5 | as S2, 5x5 |
| C5 | 120 units, each sees all of S4 | 120 units, each sees all of S4 |
| F6 | 84 units | 84 units |
| output | one linear unit a class, softmax | 10 radial basis functions of F6 |
| squashing | ReLU (or tanh), after S2, S4, C5 and F6 | 1.7159 tanh(2/3 x) |
| regularisation | dropout before C5, F6 and the output | none |

`maps` gives the maps of C1 and C3.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.core.errors import EmoError
from pipeline.core.params import check_choice, check_range


@dataclass(frozen=True)
class LenetParams:
    """The settings of the LeNet-like net."""

    maps: tuple[int, ...]
    "of the two convolutions, in order"
    activation: str
    "relu or tanh"
    pooling: str
    "max or average"
    dropout: float
    "share of units left out before each fully connected layer while training"

    def __post_init__(self) -> None:
        if len(self.maps) != 2 or not all(1 <= maps <= 1024 for maps in self.maps):
            raise ValueError(f"maps: {list(self.maps)} is not two whole numbers within 1..1024")
        check_choice("activation", self.activation, _ACTIVATIONS)
        check_choice("pooling", self.pooling, _POOLINGS)
        check_range("dropout", self.dropout, 0, 0.95)


_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
_POOLINGS: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class Standardise(nn.Module):
    """Bring each image to mean 0 and standard deviation 1, whatever the light and the skin."""

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, h, w) float32 in 0..1 -> the same shape."""
        every = (1, 2, 3)
        centred = images - images.mean(every, keepdim=True)
        # torch.std_mean gives the same, but takes four times as long
        deviation = (
            torch.linalg.vector_norm(centred, dim=every, keepdim=True) / (images[0].numel() - 1) ** 0.5
        )
        return centred / (deviation + 1e-3)  # an even image stays even


class Unroll(nn.Module):
    """Put the values of all maps in one row, in the order in which they lie in memory.

    nn.Flatten has another order, for which it copies, and copies again on the way back.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(n, maps, h, w), channels last in memory -> (n, h * w * maps)."""
        return maps.permute(0, 2, 3, 1).flatten(1)


class Dropout(nn.Module):
    """Leave out a share of the units while training: nn.Dropout, but twice as fast on a CPU."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, units: Tensor) -> Tensor:
        """Return units, or a copy in which some are 0 and the others larger: the same shape and dtype."""
        if not (self.training and self.share):
            return units
        kept = (torch.rand(units.shape, device=units.device) >= self.share).to(units.dtype)
        return units * kept.mul_(1 / (1 - self.share))


def lenet(settings: LenetParams, *, classes: int, input_px: int, channels: int) -> nn.Sequential:
    """Build the LeNet-like net: (n, channels, side, side) float32 in 0..1 -> (n, classes) logits.

    Raises EmoError for an input of fewer than 16 pixels: nothing would be left of it after S4.
    """
    after_s4 = ((input_px - 4) // 2 - 4) // 2
    if after_s4 < 1:
        raise EmoError(
            f"params.yaml: train: input_px: {input_px} is too small for recipe lenet; use 16 or more"
        )
    c1, c3 = settings.maps
    act, pool = _ACTIVATIONS[settings.activation], _POOLINGS[settings.pooling]
    layers = {
        "input": Standardise(),
        "c1": nn.Conv2d(channels, c1, 5),
        "s2": pool(2),
        "s2_squash": act(),
        "c3": nn.Conv2d(c1, c3, 5),
        "s4": pool(2),
        "s4_squash": act(),
        "unroll": Unroll(),
        "c5_dropout": Dropout(settings.dropout),
        "c5": nn.Linear(c3 * after_s4**2, 120),
        "c5_squash": act(),
        "f6_dropout": Dropout(settings.dropout),
        "f6": nn.Linear(120, 84),
        "f6_squash": act(),
        "output_dropout": Dropout(settings.dropout),
        "output": nn.Linear(84, classes),
    }
    return nn.Sequential(OrderedDict(layers))


SETTINGS: dict[str, type[Any]] = {"lenet": LenetParams}
"""The dataclass of each recipe's settings."""

_BUILDERS: dict[str, Callable[..., nn.Module]] = {"lenet": lenet}


def build_model(recipe: str, settings: Any, *, classes: int, input_px: int, channels: int) -> nn.Module:
    """Build a recipe's net with fresh weights from PyTorch's global generator.

    Channels-last in memory, which is the faster order for convolutions on CPUs and CUDA.
    """
    model = _BUILDERS[recipe](settings, classes=classes, input_px=input_px, channels=channels)
    model.apply(_start)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _start(layer: nn.Module) -> None:
    """Draw start weights that keep the signal's variance through the layers (He et al. 2015)."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)


def shrink(pixels: Tensor, input_px: int, batch: int = 4096) -> Tensor:
    """Scale images (n, c, side, side) uint8 down to the side that the net sees, by the mean of areas.

    Raises EmoError for images that are smaller than that: enlarging adds nothing.
    """
    side = pixels.shape[-1]
    if side < input_px:
        raise EmoError(
            f"data/dataset: images of {side}x{side} pixels are too small for train: input_px: "
            f"{input_px}; set it to {side} or less, or enlarge faces: side_px, in params.yaml"
        )
    if side == input_px:
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
