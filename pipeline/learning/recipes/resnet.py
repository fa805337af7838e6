"""A residual network for small images.

The network of He, Zhang, Ren & Sun 2016 for CIFAR-10 (section 4.2): a 3x3 convolution, then three stages of
`blocks` residual blocks, with the side halved and the number of maps doubled from one stage to the next, then
the mean of each map. Differences: 2x2 max pooling follows the first convolution (3x3 in their networks for
ImageNet), which pays for three times as many maps; a fully connected layer precedes the output; shortcuts
are 1x1 convolutions where the number of maps changes (their option B).
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn
from torch.nn import functional

from pipeline.learning.recipes.blocks import Standardise, Unroll, convolution, dense_head
from pipeline.learning.recipes.recipe import HeadedRecipe
from pipeline.runtime.params import Within

_STAGES = 3


class Residual(nn.Module):
    """Two 3x3 convolutions whose output is added to their input."""

    def __init__(self, maps: tuple[int, int], stride: int) -> None:
        super().__init__()
        self.first = convolution(maps, stride=stride)
        self.second = nn.Sequential(
            nn.Conv2d(maps[1], maps[1], 3, padding=1, bias=False), nn.BatchNorm2d(maps[1])
        )
        self.shortcut = nn.Sequential()
        if maps[0] != maps[1] or stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(*maps, 1, stride, bias=False), nn.BatchNorm2d(maps[1]))

    def forward(self, maps: Tensor) -> Tensor:
        """(n, maps in, h, w) -> (n, maps out, h / stride, w / stride), rounded up."""
        return functional.relu(self.second(self.first(maps)) + self.shortcut(maps))


@dataclass(frozen=True)
class Resnet(HeadedRecipe):
    """The residual network for CIFAR-10, wider, with a hidden layer."""

    NAME = "resnet"
    SMALLEST_PX = 10  # the last maps have 2x2 values: batch normalisation needs more than one
    SOURCE = (
        "He, Zhang, Ren & Sun 2016, Deep residual learning for image recognition, CVPR, section 4.2; "
        "2x2 max pooling before the stages, shortcuts of option B, one hidden layer"
    )

    maps: Annotated[int, Within(1, 256)]
    "Number of feature maps of the first stage; the second has twice, the third four times as many."
    blocks: Annotated[int, Within(1, 32)]
    "Number of residual blocks per stage."

    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the network (see `Recipe.build`)."""
        layers: OrderedDict[str, nn.Module] = OrderedDict(input=Standardise())
        layers["stem"] = convolution((channels, self.maps))
        layers["pool"] = nn.MaxPool2d(2)
        incoming = self.maps
        for stage in range(_STAGES):
            maps = self.maps * 2**stage
            for block in range(self.blocks):
                stride = 2 if stage and not block else 1
                layers[f"block{stage + 1}_{block + 1}"] = Residual((incoming, maps), stride)
                incoming = maps
        layers["mean"] = nn.AdaptiveAvgPool2d(1)
        layers["unroll"] = Unroll()
        return nn.Sequential(layers | dense_head((incoming, self.hidden, classes), self.dropout))
