"""How a model is trained: params.yaml, section train."""

from dataclasses import dataclass

from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.training.augmentation import AugmentationParams
from pipeline.runtime.params import check_range, variant


@dataclass(frozen=True)
class TrainParams:
    """The section `train` of params.yaml."""

    recipe: str
    "the network and how it is trained; its settings are in the section of the same name"
    seed: int
    "of initial weights, order of images, augmentation and dropout"
    cpu_threads: int
    "part of the result, hence here and not in the environment: see `reproducible`"
    label_smoothing: float
    "share of the target spread over all classes"
    class_weights: bool
    "weigh classes by one over their number of training images"
    augmentation: AugmentationParams
    chosen: Recipe = variant("recipe", RECIPES)
    "the settings of the recipe"

    def __post_init__(self) -> None:
        check_range("seed", self.seed, 0, 2**31 - 1)
        check_range("cpu_threads", self.cpu_threads, 1, 1024)
        check_range("label_smoothing", self.label_smoothing, 0, 0.9)
