"""The base class of all recipes: the settings of a network and of its training, and how to build it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import nn

from pipeline.learning.recipes.optimisation import FitParams
from pipeline.runtime.params import Checked, Within


@dataclass(frozen=True)
class Recipe(Checked, ABC):
    """One network and how it is trained; each recipe adds the settings of its network."""

    NAME: ClassVar[str]
    "Name of the recipe and of its section in params.yaml."
    SMALLEST_PX: ClassVar[int]
    "Smallest input side, in pixels, that leaves maps for the last layers."
    SOURCE: ClassVar[str]
    "Publications that the network follows, and how it differs from them."

    input_px: Annotated[int, Within(1, 4096)]
    "Side of the network's input in pixels; larger images are scaled down before training."
    fit: FitParams
    "Optimiser, schedule, batch and number of epochs."

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input_px < self.SMALLEST_PX:
            raise ValueError(
                f"input_px: {self.input_px} is too small for recipe {self.NAME}; "
                f"use {self.SMALLEST_PX} or more"
            )

    @abstractmethod
    def build(self, classes: int, channels: int) -> nn.Sequential:
        """Return the network: (n, channels, input_px, input_px) float32 in 0..1 -> (n, classes) logits."""

    def initialise(self, model: nn.Sequential) -> None:
        """Draw the initial weights from PyTorch's global generator (He et al. 2015)."""
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def begin_epoch(self, model: nn.Sequential, _epoch: int, /) -> None:
        """Put the model in training mode for an epoch (1, 2, 3 ...); a recipe may freeze parts of it."""
        model.train()


@dataclass(frozen=True)
class HeadedRecipe(Recipe):
    """A network that ends with one fully connected hidden layer (`blocks.dense_head`)."""

    hidden: Annotated[int, Within(1, 4096)]
    "Number of units of the hidden layer."
    dropout: Annotated[float, Within(0, 0.95)]
    "Share of hidden units zeroed during training."
