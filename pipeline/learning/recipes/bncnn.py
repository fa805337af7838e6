"""Three blocks of two convolutions, with batch normalisation or without, to see what it does."""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from pipeline.core.params import check_range
from pipeline.learning.recipes.parts import Standardise, Unroll, convolution, dense_head
from pipeline.learning.recipes.recipe import Recipe


@dataclass(frozen=True)
class Bncnn(Recipe):
    """The usual net of the studies on FER2013: a block is two 3x3 convolutions and a maximum of 2x2."""

    NAME = "bncnn"
    SMALLEST_PX = 16
    SOURCE = (
        "batch normalisation: Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training "
        "by reducing internal covariate shift, ICML; pairs of 3x3 convolutions: Simonyan & Zisserman 2015; "
        "three such blocks, as in studies on FER2013"
    )

    maps: tuple[int, ...]
    "of the three blocks, in order"
    batch_norm: bool
    "after each convolution"
    hidden: int
    "units of the fully connected layer"
    dropout: float
    "share of them left out while training"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.maps) != 3 or not all(1 <= maps <= 1024 for maps in self.maps):
            raise ValueError(f"maps: {list(self.maps)} is not three whole numbers within 1..1024")
        check_range("hidden", self.hidden, 1, 4096)
        check_range("dropout", self.dropout, 0, 0.95)

    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the net."""
        layers: OrderedDict[str, nn.Module] = OrderedDict(input=Standardise())
        incoming = channels
        for number, maps in enumerate(self.maps, start=1):
            layers[f"conv{number}a"] = convolution((incoming, maps), norm=self.batch_norm)
            layers[f"conv{number}b"] = convolution((maps, maps), norm=self.batch_norm)
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            incoming = maps
        units = incoming * (self.input_px // 8) ** 2
        layers["unroll"] = Unroll()
        return nn.Sequential(layers | dense_head((units, self.hidden, classes), self.dropout))
