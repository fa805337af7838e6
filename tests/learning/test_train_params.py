"""The section `train` of params.yaml: the chosen recipe counts, the others are optional but checked."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import build
from tests.support.trainings import LENET, PARAMS, SMALL

TOP = Path(__file__).resolve().parents[2]
WHERE = "params.yaml: train"


def section(*recipes: str, **changes: Any) -> dict[str, Any]:
    """Return the plain values of PARAMS with the sections of some recipes."""
    values = dataclasses.asdict(PARAMS)
    del values["chosen"]
    sections = {name: dataclasses.asdict(SMALL[name]) for name in recipes}
    return {**json.loads(json.dumps(values | sections)), **changes}


def refused(values: dict[str, Any]) -> str:
    with pytest.raises(EmoError) as caught:
        build(TrainParams, values, WHERE)
    return str(caught.value)


def test_only_the_chosen_recipe_needs_a_section() -> None:
    assert build(TrainParams, section("lenet"), WHERE) == PARAMS
    assert build(TrainParams, section("lenet", "vgg"), WHERE).chosen == LENET
    assert build(TrainParams, section("vgg", recipe="vgg"), WHERE).chosen == SMALL["vgg"]


def test_the_chosen_recipe_without_a_section() -> None:
    assert refused(section("vgg")).startswith(f"{WHERE}: missing section: lenet")


def test_an_unknown_recipe() -> None:
    assert refused(section("lenet", recipe="alexnet")).startswith(f"{WHERE}: recipe: 'alexnet' is not one of")


def test_an_unknown_section() -> None:
    assert refused(section("lenet", alexnet={})).startswith(f"{WHERE}: unknown key: alexnet")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("input_px", 15, "input_px: 15"),
        ("maps", [8, 8], "maps: [8, 8]"),
        ("hidden", "many", "hidden: "),
        ("width", 1.0, "unknown key: width"),
        ("fit", {}, "fit: missing key: optimiser"),
    ],
)
def test_a_bad_value_in_an_unused_section(key: str, value: object, expected: str) -> None:
    values = section("lenet", "vgg")
    values["vgg"][key] = value
    assert refused(values).startswith(f"{WHERE}: vgg: {expected}")


def test_the_stage_depends_on_the_chosen_recipe_only() -> None:
    """Editing the settings of another recipe must not train again."""
    params = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]["train"]["params"]
    shared = [field.name for field in dataclasses.fields(TrainParams) if field.name != "chosen"]
    assert set(params) == {"train.${train.recipe}", *(f"train.{name}" for name in shared)}
    assert not set(shared) & set(RECIPES)
