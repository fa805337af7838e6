"""What every recipe is: the settings of a net and of its fitting, and how the net is built from them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from pipeline.learning.recipes.optimisation import FitParams
from pipeline.runtime.params import check_range


@dataclass(frozen=True)
class Recipe(ABC):
    """One net and how it is trained; a recipe adds the settings of its net."""

    NAME: ClassVar[str]
    "as in params.yaml"
    SMALLEST_PX: ClassVar[int]
    "side below which nothing would be left for the last layers"
    SOURCE: ClassVar[str]
    "what it follows"

    input_px: int
    "side at which the net sees the faces; larger images are scaled down once, at the start"
    fit: FitParams

    def __post_init__(self) -> None:
        if self.input_px < self.SMALLEST_PX:
            raise ValueError(
                f"input_px: {self.input_px} is too small for recipe {self.NAME}; "
                f"use {self.SMALLEST_PX} or more"
            )
        check_range("input_px", self.input_px, self.SMALLEST_PX, 4096)

    @abstractmethod
    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the net: (n, channels, input_px, input_px) float32 in 0..1 -> (n, classes) logits."""

    def start(self, model: nn.Sequential) -> None:
        """Draw start weights that keep the signal's variance through the layers (He et al. 2015)."""
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def ready(self, model: nn.Sequential, _epoch: int, /) -> None:
        """Set the net to learn in this epoch, 1 for the first."""
        model.train()


@dataclass(frozen=True)
class HeadedRecipe(Recipe):
    """A net that ends with one fully connected hidden layer (`parts.dense_head`)."""

    hidden: int
    "units of the fully connected layer"
    dropout: float
    "share of them left out while training"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("hidden", self.hidden, 1, 4096)
        check_range("dropout", self.dropout, 0, 0.95)
