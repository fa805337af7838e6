"""A net of inverted residuals, from scratch or by transfer.

MobileNetV2 (Sandler et al. 2018) in the form of EfficientNet-Lite0 (Tan & Le 2019; Lite: Google 2020, the
same without squeeze-and-excitation and with ReLU6), because ImageNet weights of that one can be had without
a model hub. At `width: 1.0` the layers are those of EfficientNet-Lite0; narrower nets are MobileNetV2's way
to smaller ones.

Transfer: `weights` fill the backbone, all but the output layer. For `frozen_epochs` only the output layer
learns, and the backbone's batch statistics stay those of the weights; then all of it is fine-tuned.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from pipeline.core.errors import EmoError
from pipeline.core.params import check_range
from pipeline.learning.pretrained import read_package, read_tensors
from pipeline.learning.recipes.parts import Dropout, Standardise, Unroll
from pipeline.learning.recipes.recipe import Recipe

NONE, PACKAGE = "none", "package"

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
    """A net of the MobileNetV2 family."""

    NAME = "mobilenet"
    SMALLEST_PX = 33  # leaves maps of 2x2: batch normalisation needs more than one value
    SOURCE = (
        "Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear "
        "bottlenecks, CVPR; stages of EfficientNet-Lite0 (Tan & Le 2019, EfficientNet: rethinking model "
        "scaling for convolutional neural networks, ICML)"
    )

    width: float
    "maps of each layer, as a share of EfficientNet-Lite0's"
    stem_stride: int
    "2 as published, for 224 pixels; 1 keeps small images twice as large through all layers"
    dropout: float
    "share of the last layer's units left out while training"
    weights: str
    "none, package (see `pretrained`) or a file: of EfficientNet-Lite0, or of a mobilenet trained by emo"
    weights_sha256: str
    "of the file, so that DVC trains again when it changes; empty for none and package"
    frozen_epochs: int
    "in which only the output layer learns, where there are weights"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("width", self.width, 0.1, 4)
        check_range("stem_stride", self.stem_stride, 1, 2)
        check_range("dropout", self.dropout, 0, 0.95)
        check_range("frozen_epochs", self.frozen_epochs, 0, 1_000_000)
        if not self.weights:
            raise ValueError("weights: expected none, package or a file, found ''")

    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the net."""
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

    def start(self, model: nn.Sequential) -> None:
        """Draw start weights; fill the backbone with `weights`, or EmoError where they do not fit."""
        super().start(model)
        if self.weights == NONE:
            return
        path = Path(self.weights)
        found = read_package() if self.weights == PACKAGE else read_tensors(path, self.weights_sha256)
        fill(model, found, f"params.yaml: train: mobilenet: weights: {self.weights}")

    def ready(self, model: nn.Sequential, epoch: int, /) -> None:
        """Set the net to learn: at first perhaps the output layer alone."""
        model.train()
        frozen = self.weights != NONE and epoch <= self.frozen_epochs
        for part in backbone(model):
            part.requires_grad_(not frozen).train(not frozen)

    def _maps(self, full: int) -> int:
        """Return a layer's maps at this width: a multiple of 8, as MobileNetV2's."""
        return max(8, int(full * self.width + 4) // 8 * 8)


class SameConvolution(nn.Conv2d):
    """A convolution that gives side / stride, rounded up, with the margin where TensorFlow puts it."""

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
    """More maps by a 1x1 convolution, each map by itself by a larger one, fewer maps again, without ReLU6."""

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


def backbone(model: nn.Sequential) -> list[nn.Module]:
    """Return the parts that transfer: the stem, the blocks and the top."""
    return [part for name, part in model.named_children() if re.match("stem|block|top", name)]


def fill(model: nn.Sequential, found: Mapping[str, Tensor], where: str) -> None:
    """Put weights into a net's backbone; its output layer stays fresh.

    Raises EmoError, which starts with `where`, unless each tensor is there, in the net's shape.
    """
    own = model.state_dict()
    if "_conv_stem.weight" in found:
        found = from_lite0(found, channels=own["stem.0.weight"].shape[1])
    for name, tensor in own.items():
        if name.startswith("output."):
            continue
        if name not in found or found[name].shape != tensor.shape:
            shape = tuple(found[name].shape) if name in found else "missing"
            raise EmoError(
                f"{where}: not weights of this net: {name} is {shape}, not {tuple(tensor.shape)}; "
                "set width: 1.0 for those of EfficientNet-Lite0, or name other weights"
            )
        own[name] = found[name]
    model.load_state_dict(own)


def from_lite0(found: Mapping[str, Tensor], channels: int) -> dict[str, Tensor]:
    """Return the weights of EfficientNet-Lite0 by the names of this net, for images of 1 or 3 channels.

    A grey image is one whose three colours are alike. Half as large at the stem, because `Standardise` gives
    a standard deviation of 1 and ImageNet's photographs, at -1..1, have about a half.
    """
    named = {_own_name(name): tensor for name, tensor in found.items()}
    stem = named["stem.0.weight"] * 0.5
    named["stem.0.weight"] = stem.sum(1, keepdim=True) if channels == 1 else stem
    return named


def _own_name(name: str) -> str:
    """Turn `_blocks.3._depthwise_conv.weight` into `block03.depthwise.0.weight`."""
    if block := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name):
        return f"block{int(block[1]):02d}.{_LAYERS[block[2]]}.{block[3]}" if block[2] in _LAYERS else name
    layer, _, rest = name.partition(".")
    return f"{_ENDS[layer]}.{rest}" if layer in _ENDS else name


_ENDS = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "top.0", "_bn1": "top.1"}
_LAYERS = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}
