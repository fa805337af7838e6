"""Transfer learning: the network of `mobilenet`, initialised with pretrained weights.

`weights` initialise the backbone, which is everything but the output layer. For `frozen_epochs` only the
output layer is trained, and the backbone keeps the batch statistics of the weights; then the whole network
is fine-tuned.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from torch import Tensor, nn

from pipeline.learning.recipes.mobilenet import Mobilenet
from pipeline.learning.recipes.pretrained import read_package, read_tensors
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import Within

NONE, PACKAGE = "none", "package"


@dataclass(frozen=True)
class Transfer(Mobilenet):
    """A pretrained network of the MobileNetV2 family."""

    NAME = "transfer"

    weights: str
    "`package` (see `pretrained`), a file of EfficientNet-Lite0 or of a model trained by emo, or `none`."
    weights_sha256: str
    "SHA-256 of the file, so that DVC trains again if it changes; empty for `package` and `none`."
    frozen_epochs: Annotated[int, Within(0, 1_000_000)]
    "Number of epochs at the start in which only the output layer is trained."

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.weights and self.weights.isprintable()):
            raise ValueError(f"weights: expected package, a file or none, found {self.weights!r}")

    def initialise(self, model: nn.Sequential) -> None:
        """Draw the initial weights, then load `weights` into the backbone.

        Raises EmoError if the weights cannot be read or do not fit.
        """
        super().initialise(model)
        if self.weights == NONE:
            return
        path = Path(self.weights)
        found = read_package() if self.weights == PACKAGE else read_tensors(path, self.weights_sha256)
        load_backbone(model, found, f"params.yaml: train: transfer: weights: {self.weights}")

    def begin_epoch(self, model: nn.Sequential, epoch: int, /) -> None:
        """Put the model in training mode; freeze the backbone in the first `frozen_epochs`."""
        model.train()
        frozen = self.weights != NONE and epoch <= self.frozen_epochs
        for part in backbone(model):
            part.requires_grad_(not frozen).train(not frozen)


def backbone(model: nn.Sequential) -> list[nn.Module]:
    """Return the parts that take pretrained weights: the stem, the blocks and the top."""
    return [part for name, part in model.named_children() if re.match("stem|block|top", name)]


def load_backbone(model: nn.Sequential, found: Mapping[str, Tensor], where: str) -> None:
    """Load weights into a model's backbone; the output layer keeps its initial weights.

    Raises EmoError, which starts with `where`, if a tensor is missing or has another shape.
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
                f"{where}: weights of another network: {name} is {shape}, expected {tuple(tensor.shape)}; "
                "set width: 1.0 for weights of EfficientNet-Lite0, or set other weights"
            )
        own[name] = found[name]
    model.load_state_dict(own)


def from_lite0(found: Mapping[str, Tensor], channels: int) -> dict[str, Tensor]:
    """Return the weights of EfficientNet-Lite0 by the names of this network, for images of 1 or 3 channels.

    For grey images the stem's weights are summed over the three colours. The stem is halved because
    `Standardise` scales images to a standard deviation of 1, while ImageNet's photographs in -1..1 have
    about 0.5.
    """
    named = {_own_name(name): tensor for name, tensor in found.items()}
    stem = named["stem.0.weight"] * 0.5
    colours = stem.ndim == 4  # otherwise these are weights of another network, which `load_backbone` reports
    named["stem.0.weight"] = stem.sum(1, keepdim=True) if channels == 1 and colours else stem
    return named


def _own_name(name: str) -> str:
    """Translate a name, such as `_blocks.3._depthwise_conv.weight` to `block03.depthwise.0.weight`."""
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
