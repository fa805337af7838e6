"""Layers and blocks that several networks share."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU}
POOLINGS: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class Standardise(nn.Module):
    """Scale each image to mean 0 and standard deviation 1: brightness and contrast make no difference."""

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, h, w) float32 in 0..1 -> the same shape."""
        every = (1, 2, 3)
        centred = images - images.mean(every, keepdim=True)
        # torch.std_mean gives the same values, but takes four times as long.
        deviation = (
            torch.linalg.vector_norm(centred, dim=every, keepdim=True) / (images[0].numel() - 1) ** 0.5
        )
        return centred / (deviation + 1e-3)  # finite for a uniform image


class Unroll(nn.Module):
    """Flatten feature maps in their memory order.

    nn.Flatten uses another order, which costs a copy in the forward and another in the backward pass.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(n, maps, h, w), channels-last in memory -> (n, h * w * maps)."""
        return maps.permute(0, 2, 3, 1).flatten(1)


class Dropout(nn.Module):
    """Zero a share of the units during training: nn.Dropout, but twice as fast on a CPU."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, units: Tensor) -> Tensor:
        """Return the units, or a copy with some zeroed and the others scaled up: same shape and dtype."""
        if not (self.training and self.share):
            return units
        kept = (torch.rand(units.shape, device=units.device) >= self.share).to(units.dtype)
        return units * kept.mul_(1 / (1 - self.share))


def convolution(maps: tuple[int, int], *, stride: int = 1, norm: bool = True) -> nn.Sequential:
    """Return a 3x3 convolution, batch normalisation (Ioffe & Szegedy 2015) and ReLU.

    Args:
        maps: Number of input and of output maps.
        stride: 1 keeps the side, 2 halves it.
        norm: Whether to normalise; the normalisation has its own shift, so the convolution then has no bias.
    """
    layers: list[nn.Module] = [nn.Conv2d(*maps, 3, stride, padding=1, bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(maps[1]))
    return nn.Sequential(*layers, nn.ReLU())


def dense_head(units: Sequence[int], dropout: float) -> OrderedDict[str, nn.Module]:
    """Return the layers after the feature maps: one hidden layer with ReLU and dropout, and the output layer.

    Args:
        units: Number of inputs, of hidden units and of classes.
        dropout: Share of hidden units zeroed during training.
    """
    incoming, hidden, classes = units
    return OrderedDict(
        hidden=nn.Linear(incoming, hidden),
        hidden_relu=nn.ReLU(),
        dropout=Dropout(dropout),
        output=nn.Linear(hidden, classes),
    )
