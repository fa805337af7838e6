"""The recipes as params.yaml sets them, layer by layer: the view of `emo models`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.dataset.images.params import DatasetParams
from pipeline.faces.params import FacesParams
from pipeline.learning.recipes.architecture import Layer, layers_of
from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import build, load_params, read_params
from pipeline.runtime.paths import PARAMS
from pipeline.runtime.text import TextTable, listed
from pipeline.schema.dataset import read_dataset_shard, shard_paths

HEADER = ["layer", "operations", "output", "parameters", "multiply-adds"]


@dataclass(frozen=True)
class Described:
    """A recipe and the layers of its network."""

    recipe: Recipe
    channels: int
    "Channels of the input: 1 for grey, 3 for RGB."
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Number of learned values."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Number of multiply-adds for one image."""
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

    def table(self) -> TextTable:
        """Return title, header and rows."""
        side = self.recipe.input_px
        rows = []
        for layer in self.layers:
            counts = [f"{count:,}" if count else "-" for count in (layer.parameters, layer.multiply_adds)]
            rows.append([layer.name, layer.kind, "x".join(map(str, layer.shape)), *counts])
        rows.append(["all", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"])
        return f"{self.recipe.NAME}: {self.channels}x{side}x{side} pixels", HEADER, rows


def describe(names: Sequence[str]) -> Iterator[Described]:
    """Yield recipes with their layers, for the classes of the dataset and the colours of params.yaml.

    Before the dataset is built, its classes are those that params.yaml declares.

    Args:
        names: Recipes to describe; empty for all with a section in params.yaml.

    Raises:
        EmoError: A recipe is unknown, or has no section in params.yaml.
    """
    for name in names:
        if name not in RECIPES:
            raise EmoError(f"{name}: unknown recipe; use one of {listed(RECIPES, 20)}")
    load_params("train", TrainParams)  # checks all sections
    sections = read_params()["train"]
    shards = shard_paths()
    declared = load_params("dataset", DatasetParams).expressions
    classes = len(read_dataset_shard(shards[0], []).classes if shards else declared)
    channels = 1 if load_params("faces", FacesParams).crop.colour == "grey" else 3
    for name in names or [name for name in RECIPES if name in sections]:
        if name not in sections:
            raise EmoError(f"{PARAMS}: train: missing section: {name}; add the settings of the recipe")
        recipe = build(RECIPES[name], sections[name], f"{PARAMS}: train: {name}")
        yield Described(recipe, channels, tuple(layers_of(recipe, classes, channels)))
