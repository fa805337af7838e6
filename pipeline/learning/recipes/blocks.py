"""The parts that several nets are made of."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU}
POOLINGS: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


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


def convolution(maps: tuple[int, int], *, stride: int = 1, norm: bool = True) -> nn.Sequential:
    """Return a 3x3 convolution that keeps the side (or halves it), batch normalisation if wanted, and ReLU.

    `maps` are those that come in and go out. The normalisation (Ioffe & Szegedy 2015) shifts by itself, so
    that a convolution before it has no bias.
    """
    layers: list[nn.Module] = [nn.Conv2d(*maps, 3, stride, padding=1, bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(maps[1]))
    return nn.Sequential(*layers, nn.ReLU())


def dense_head(units: Sequence[int], dropout: float) -> OrderedDict[str, nn.Module]:
    """Return the layers after the maps: a hidden layer with ReLU and dropout, and one output a class.

    `units` are those that come in, the hidden ones and the classes.
    """
    incoming, hidden, classes = units
    return OrderedDict(
        hidden=nn.Linear(incoming, hidden),
        hidden_relu=nn.ReLU(),
        dropout=Dropout(dropout),
        output=nn.Linear(hidden, classes),
    )
