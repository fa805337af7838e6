"""The LeNet-like network, the default, compared with LeNet-5 at an input of 32x32.

| layer | here | LeNet-5 |
|---|---|---|
| input | 32x32, each image to mean 0 and standard deviation 1 | 32x32, white -0.1, black 1.175 |
| C1 | 5x5, 28x28 | 6 maps, 5x5, 28x28, squashed |
| S2 | max (or average) pooling 2x2, 14x14 | sum of 2x2 times a weight, plus a bias, 14x14, squashed |
| C3 | 5x5, each map of all of S2, 10x10 | 16 maps, 5x5, each of 3 to 6 maps, 10x10, squashed |
| S4 | as S2, 5x5 | as S2, 5x5 |
| C5 | 120 units, each connected to all of S4 | 120 units, each connected to all of S4 |
| F6 | 84 units | 84 units |
| output | one linear unit per class, softmax | 10 radial basis functions of F6 |
| squashing | ReLU (or tanh, ELU), after S2, S4, C5 and F6 | 1.7159 tanh(2/3 x) |
| regularisation | dropout before C5, F6 and the output | none |

`maps` sets the number of maps of C1 and C3.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

from torch import nn

from pipeline.learning.recipes.blocks import ACTIVATIONS, POOLINGS, Dropout, Standardise, Unroll
from pipeline.learning.recipes.recipe import Recipe
from pipeline.runtime.params import OneOf, Within


@dataclass(frozen=True)
class Lenet(Recipe):
    """The LeNet-like network: classic with tanh and average pooling, modern with ReLU and max pooling."""

    NAME = "lenet"
    SMALLEST_PX = 16
    SOURCE = (
        "LeNet-5: LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document "
        "recognition, Proceedings of the IEEE 86(11), section II.B; wider, with today's parts"
    )

    maps: Annotated[tuple[int, ...], Within(1, 1024)]
    "Number of feature maps of the two convolutions, in order."
    activation: Annotated[str, OneOf(tuple(ACTIVATIONS))]
    "Activation function: relu, tanh or elu."
    pooling: Annotated[str, OneOf(tuple(POOLINGS))]
    "Pooling: max or average."
    dropout: Annotated[float, Within(0, 0.95)]
    "Share of units zeroed before each fully connected layer during training."

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.maps) != 2 or not all(1 <= maps <= 1024 for maps in self.maps):
            raise ValueError(f"maps: {list(self.maps)} is not two whole numbers within 1..1024")

    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the network (see `Recipe.build`)."""
        after_s4 = ((self.input_px - 4) // 2 - 4) // 2
        c1, c3 = self.maps
        act, pool = ACTIVATIONS[self.activation], POOLINGS[self.pooling]
        layers = {
            "input": Standardise(),
            "c1": nn.Conv2d(channels, c1, 5),
            "s2": pool(2),
            "s2_squash": act(),
            "c3": nn.Conv2d(c1, c3, 5),
            "s4": pool(2),
            "s4_squash": act(),
            "unroll": Unroll(),
            "c5_dropout": Dropout(self.dropout),
            "c5": nn.Linear(c3 * after_s4**2, 120),
            "c5_squash": act(),
            "f6_dropout": Dropout(self.dropout),
            "f6": nn.Linear(120, 84),
            "f6_squash": act(),
            "output_dropout": Dropout(self.dropout),
            "output": nn.Linear(84, classes),
        }
        return nn.Sequential(OrderedDict(layers))
