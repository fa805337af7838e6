"""A VGG for small images.

Of configuration A of Simonyan & Zisserman 2015 (1, 1, 2 and 2 convolutions of 3x3, each group followed by a
maximum of 2x2) the first four groups, with fewer maps than its 64, 128, 256 and 512, and one fully connected
layer of 128 units for its two of 4,096. The fifth group would leave 1x1 of 48x48. Batch normalisation, which
is younger than VGG, makes it learn in minutes.
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from pipeline.core.params import check_range
from pipeline.learning.recipes.parts import Standardise, Unroll, convolution, dense_head
from pipeline.learning.recipes.recipe import Recipe

_CONVOLUTIONS = (1, 1, 2, 2)  # of each group


@dataclass(frozen=True)
class Vgg(Recipe):
    """The first four groups of VGG's configuration A, narrower."""

    NAME = "vgg"
    SMALLEST_PX = 16
    SOURCE = (
        "Simonyan & Zisserman 2015, Very deep convolutional networks for large-scale image recognition, "
        "ICLR, configuration A; four of its five groups, fewer maps, one hidden layer, batch normalisation"
    )

    maps: tuple[int, ...]
    "of the four groups, in order"
    batch_norm: bool
    "after each convolution"
    hidden: int
    "units of the fully connected layer"
    dropout: float
    "share of them left out while training"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.maps) != 4 or not all(1 <= maps <= 1024 for maps in self.maps):
            raise ValueError(f"maps: {list(self.maps)} is not four whole numbers within 1..1024")
        check_range("hidden", self.hidden, 1, 4096)
        check_range("dropout", self.dropout, 0, 0.95)

    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the net."""
        layers: OrderedDict[str, nn.Module] = OrderedDict(input=Standardise())
        incoming = channels
        for group, (maps, convolutions) in enumerate(zip(self.maps, _CONVOLUTIONS, strict=True), start=1):
            for number in range(1, convolutions + 1):
                layers[f"conv{group}_{number}"] = convolution((incoming, maps), norm=self.batch_norm)
                incoming = maps
            layers[f"pool{group}"] = nn.MaxPool2d(2)
        units = incoming * (self.input_px // 16) ** 2
        layers["unroll"] = Unroll()
        return nn.Sequential(layers | dense_head((units, self.hidden, classes), self.dropout))
