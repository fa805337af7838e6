"""A network of inverted residuals.

MobileNetV2 (Sandler et al. 2018) in the form of EfficientNet-Lite0 (Tan & Le 2019; Lite: Google 2020, the
same without squeeze-and-excitation and with ReLU6), because its ImageNet weights are available without a
model hub (`transfer`). At `width: 1.0` the layers are those of EfficientNet-Lite0; a smaller width narrows
all layers, as in MobileNetV2.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn
from torch.nn import functional

from pipeline.learning.recipes.blocks import Dropout, Standardise, Unroll
from pipeline.learning.recipes.recipe import Recipe
from pipeline.runtime.params import Within

_STEM, _TOP = 32, 1280  # maps
_STAGES = (  # expansion, maps, blocks, stride of the first, kernel: Tan & Le 2019, table 1
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


@dataclass(frozen=True)
class Mobilenet(Recipe):
    """A network of the MobileNetV2 family."""

    NAME = "mobilenet"
    SMALLEST_PX = 33  # the last maps have 2x2 values: batch normalisation needs more than one
    SOURCE = (
        "Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear "
        "bottlenecks, CVPR; stages of EfficientNet-Lite0 (Tan & Le 2019, EfficientNet: rethinking model "
        "scaling for convolutional neural networks, ICML)"
    )

    width: Annotated[float, Within(0.1, 4)]
    "Number of maps of each layer, as a share of EfficientNet-Lite0's."
    stem_stride: Annotated[int, Within(1, 2)]
    "Stride of the first convolution: 2 as published for 224 pixels; 1 keeps all maps twice as large."
    dropout: Annotated[float, Within(0, 0.95)]
    "Share of units zeroed before the output layer during training."

    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the network (see `Recipe.build`)."""
        incoming, top = self._maps(_STEM), self._maps(_TOP)
        layers: OrderedDict[str, nn.Module] = OrderedDict(input=Standardise())
        layers["stem"] = unit((channels, incoming), 3, stride=self.stem_stride)
        for expansion, full, blocks, stride, kernel in _STAGES:
            maps = self._maps(full)
            for block in range(blocks):
                name = f"block{len(layers) - 2:02d}"
                layers[name] = InvertedResidual(
                    (incoming, maps), expansion, kernel, stride=1 if block else stride
                )
                incoming = maps
        layers["top"] = unit((incoming, top), 1)
        layers["mean"] = nn.AdaptiveAvgPool2d(1)
        layers["unroll"] = Unroll()
        layers["dropout"] = Dropout(self.dropout)
        layers["output"] = nn.Linear(top, classes)
        return nn.Sequential(layers)

    def _maps(self, full: int) -> int:
        """Return a layer's number of maps at this width: a multiple of 8, as in MobileNetV2."""
        return max(8, int(full * self.width + 4) // 8 * 8)


class SameConvolution(nn.Conv2d):
    """A convolution with TensorFlow's padding SAME: output side = input side / stride, rounded up."""

    def forward(self, maps: Tensor) -> Tensor:
        """(n, maps in, side, side) -> (n, maps out, side / stride, side / stride)."""
        kernel, stride, side = self.kernel_size[0], self.stride[0], maps.shape[-1]
        margin = max(0, kernel - (side % stride or stride))
        before, after = margin // 2, margin - margin // 2
        if before == after:
            return functional.conv2d(maps, self.weight, None, stride, before, 1, self.groups)
        return functional.conv2d(
            functional.pad(maps, (before, after, before, after)), self.weight, None, stride, 0, 1, self.groups
        )


class InvertedResidual(nn.Module):
    """A 1x1 convolution to more maps, a depthwise convolution, a linear 1x1 projection to fewer maps."""

    def __init__(self, maps: tuple[int, int], expansion: int, kernel: int, *, stride: int) -> None:
        super().__init__()
        inside = maps[0] * expansion
        self.expand = unit((maps[0], inside), 1) if expansion > 1 else nn.Sequential()
        self.depthwise = unit((inside, inside), kernel, stride=stride, groups=inside)
        self.project = unit((inside, maps[1]), 1)[:2]
        self.adds = stride == 1 and maps[0] == maps[1]

    def forward(self, maps: Tensor) -> Tensor:
        """(n, maps in, h, w) -> (n, maps out, h / stride, w / stride), rounded up."""
        outcome = self.project(self.depthwise(self.expand(maps)))
        return outcome + maps if self.adds else outcome


def unit(maps: tuple[int, int], kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution, batch normalisation and ReLU6."""
    convolution = SameConvolution(*maps, kernel, stride, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(maps[1], eps=1e-3), nn.ReLU6())  # TensorFlow's epsilon
