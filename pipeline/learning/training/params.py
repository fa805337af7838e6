"""How a model is trained: params.yaml, section train."""

from dataclasses import dataclass
from typing import Annotated

from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.training.augmentation import AugmentationParams
from pipeline.runtime.params import Checked, Within, variant


@dataclass(frozen=True)
class TrainParams(Checked):
    """How the model is trained: what all recipes share, and the chosen recipe."""

    recipe: str
    "Name of the chosen recipe, and of the section with its settings."
    seed: Annotated[int, Within(0, 2**31 - 1)]
    "Seed of initial weights, order of images, augmentation and dropout."
    cpu_threads: Annotated[int, Within(1, 1024)]
    "PyTorch's threads on a CPU; a setting, as they affect the result (see `reproducible`)."
    label_smoothing: Annotated[float, Within(0, 0.9)]
    "Share of the target that is spread over all classes."
    class_weights: bool
    "Whether to weight classes by the inverse of their number of training images."
    augmentation: AugmentationParams
    chosen: Recipe = variant("recipe", RECIPES)
    "Settings of the chosen recipe. Sections of other recipes may be absent; those present are checked."
