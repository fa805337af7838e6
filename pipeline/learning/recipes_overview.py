"""`emo models`: the recipes of params.yaml, layer by layer."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.dataset.build.collect import DatasetParams
from pipeline.faces.params import FacesParams
from pipeline.learning.recipes.architecture import Layer, layers_of
from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import build, load_params, read_params
from pipeline.runtime.paths import PARAMS
from pipeline.runtime.text import listed

HEADER = ["layer", "what", "output", "parameters", "multiply-adds"]


@dataclass(frozen=True)
class Described:
    """A recipe and the layers of its net."""

    recipe: Recipe
    channels: int
    "of its input: 1 grey, 3 RGB"
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Numbers that are learned."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """For one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "recipe": self.recipe.NAME,
            "source": self.recipe.SOURCE,
            "settings": asdict(self.recipe),
            "channels": self.channels,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "layers": [asdict(layer) for layer in self.layers],
        }

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Return title, header and rows to print."""
        rows = [
            [layer.name, layer.kind, "x".join(map(str, layer.shape)), *_counts(layer)]
            for layer in self.layers
        ]
        side = self.recipe.input_px
        title = f"{self.recipe.NAME}: {self.channels}x{side}x{side} pixels"
        return title, HEADER, [*rows, ["all", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"]]


def describe(names: Sequence[str]) -> Iterator[Described]:
    """Describe recipes as params.yaml sets them, for the dataset's classes and colours; all if none is named.

    Raises EmoError where a recipe is unknown.
    """
    for name in names:
        if name not in RECIPES:
            raise EmoError(f"{name}: no recipe; the recipes are {listed(RECIPES)}")
    load_params("train", TrainParams)  # checks all sections
    sections, classes = read_params()["train"], len(load_params("dataset", DatasetParams).expressions)
    channels = 1 if load_params("faces", FacesParams).crop.colour == "grey" else 3
    for name in names or RECIPES:
        recipe = build(RECIPES[name], sections[name], f"{PARAMS}: train: {name}")
        yield Described(recipe, channels, tuple(layers_of(recipe, classes, channels)))


def _counts(layer: Layer) -> list[str]:
    return [f"{count:,}" if count else "-" for count in (layer.parameters, layer.multiply_adds)]
