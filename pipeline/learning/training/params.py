"""How a model is trained: params.yaml, section train."""

from dataclasses import dataclass

from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.training.augmentation import AugmentationParams
from pipeline.runtime.params import check_range, variant


@dataclass(frozen=True)
class TrainParams:
    """The section `train` of params.yaml: what all recipes share, and the chosen recipe."""

    recipe: str
    "Name of the chosen recipe, and of the section with its settings."
    seed: int
    "Seed of initial weights, order of images, augmentation and dropout, 0..2147483647."
    cpu_threads: int
    "PyTorch's threads on a CPU; a setting, as they affect the result (see `reproducible`), 1..1024."
    label_smoothing: float
    "Share of the target that is spread over all classes, 0..0.9."
    class_weights: bool
    "Whether to weight classes by the inverse of their number of training images."
    augmentation: AugmentationParams
    chosen: Recipe = variant("recipe", RECIPES)
    "Settings of the chosen recipe. Sections of other recipes may be absent; those present are checked."

    def __post_init__(self) -> None:
        check_range("seed", self.seed, 0, 2**31 - 1)
        check_range("cpu_threads", self.cpu_threads, 1, 1024)
        check_range("label_smoothing", self.label_smoothing, 0, 0.9)
