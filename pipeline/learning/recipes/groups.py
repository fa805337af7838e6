"""Networks of groups of 3x3 convolutions, each group followed by 2x2 max pooling: bncnn and vgg."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import nn

from pipeline.learning.recipes.blocks import Standardise, Unroll, convolution, dense_head
from pipeline.learning.recipes.recipe import HeadedRecipe
from pipeline.runtime.params import Within


@dataclass(frozen=True)
class Groups(HeadedRecipe):
    """Groups of convolutions and one hidden layer; each recipe defines the number of convolutions."""

    CONVOLUTIONS: ClassVar[tuple[int, ...]]
    "Number of convolutions in each group, in order."

    maps: Annotated[tuple[int, ...], Within(1, 1024)]
    "Number of feature maps of each group, in order."
    batch_norm: bool
    "Whether batch normalisation follows each convolution."

    def __post_init__(self) -> None:
        super().__post_init__()
        groups = len(self.CONVOLUTIONS)
        if len(self.maps) != groups or not all(1 <= maps <= 1024 for maps in self.maps):
            raise ValueError(f"maps: {list(self.maps)} is not {groups} whole numbers within 1..1024")

    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the network (see `Recipe.build`)."""
        layers: OrderedDict[str, nn.Module] = OrderedDict(input=Standardise())
        incoming = channels
        for group, (maps, convolutions) in enumerate(zip(self.maps, self.CONVOLUTIONS, strict=True), start=1):
            for number in range(1, convolutions + 1):
                layers[f"conv{group}_{number}"] = convolution((incoming, maps), norm=self.batch_norm)
                incoming = maps
            layers[f"pool{group}"] = nn.MaxPool2d(2)
        units = incoming * (self.input_px // 2 ** len(self.maps)) ** 2
        layers["unroll"] = Unroll()
        return nn.Sequential(layers | dense_head((units, self.hidden, classes), self.dropout))
