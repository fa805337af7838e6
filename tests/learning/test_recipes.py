"""The networks of the recipes against hand computation, that they learn, and invalid settings."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from pipeline.learning.model.image_set import ImageSet
from pipeline.learning.model.inference import build_model
from pipeline.learning.recipes.architecture import layers_of
from pipeline.learning.recipes.blocks import Dropout
from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.params import build
from tests.support.trainings import (
    BNCNN,
    LENET,
    MOBILENET,
    RESNET,
    SMALL,
    TRANSFER,
    VGG,
    drawn_images,
    trained,
)

TOP = Path(__file__).resolve().parents[2]

# Parameters of the small networks for 3 classes of grey faces, by hand. A convolution of k*k has k*k*in*out
# weights (and out biases), a normalisation 2 per output, a fully connected layer (in + 1) * out.
PARAMETERS = {
    "lenet": 26 * 6 + (25 * 6 + 1) * 16 + (16 * 25 + 1) * 120 + 121 * 84 + 85 * 3,
    "bncnn": (9 * 1 + 9 * 8 + 4) * 8 + (9 * 8 + 9 * 12 + 4) * 12 + (9 * 12 + 9 * 16 + 4) * 16
    + (16 * 16 + 1) * 32 + 33 * 3,
    "vgg": (9 * 1 + 2) * 8 + (9 * 8 + 2) * 12 + (9 * 12 + 9 * 16 + 4) * 16 + (9 * 16 + 9 * 24 + 4) * 24
    + (24 * 4 + 1) * 32 + 33 * 3,
    "resnet": (9 + 2) * 8 + (9 * 8 + 9 * 8 + 4) * 8 + (9 * 8 + 9 * 16 + 4 + 8 + 2) * 16
    + (9 * 16 + 9 * 32 + 4 + 16 + 2) * 32 + 33 * 32 + 33 * 3,
}  # fmt: skip


def parameters(recipe: Recipe) -> int:
    return sum(layer.parameters for layer in layers_of(recipe, classes=3, channels=1))


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters(name: str) -> None:
    assert parameters(SMALL[name]) == PARAMETERS[name]
    assert sum(p.numel() for p in build_model(SMALL[name], 3, 1).parameters()) == PARAMETERS[name]


def test_mobilenet_is_as_large_as_efficientnet_lite0() -> None:
    full = layers_of(replace(MOBILENET, width=1.0, input_px=224), classes=1000, channels=3)
    # 4.652 million and 0.385 billion: the table of github.com/d-li14/efficientnet-lite.pytorch.
    assert round(sum(layer.parameters for layer in full) / 1e6, 3) == 4.652
    assert round(sum(layer.multiply_adds for layer in full) / 1e9, 3) == 0.385
    assert [layer.shape for layer in full if layer.name in ("stem", "block00", "block15", "top")] == [
        *((32, 112, 112), (16, 112, 112), (320, 7, 7), (1280, 7, 7))
    ]


def test_layers_are_those_of_lenet_5() -> None:
    model = build_model(LENET, classes=10, channels=1)
    shapes = [tuple(p.shape) for p in model.parameters() if p.ndim > 1]
    # LeCun et al. 1998: 6 and 16 maps of 5x5, 16 * 5 * 5 = 400 units of S4, then 120, 84 and 10.
    assert shapes == [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    c3 = next(layer for layer in layers_of(LENET, 10, 1) if layer.name == "c3")
    assert (c3.kind, c3.shape, c3.multiply_adds) == ("convolution 5x5", (16, 10, 10), 25 * 6 * 16 * 100)


def test_sides_halve_from_group_to_group() -> None:
    sides = [layer.shape[1] for layer in layers_of(VGG, 3, 1) if layer.kind == "MaxPool2d"]
    assert sides == [16, 8, 4, 2]
    shapes = {layer.name: layer.shape for layer in layers_of(RESNET, 3, 1)}
    assert [shapes[f"block{stage}_1"] for stage in (1, 2, 3)] == [(8, 12, 12), (16, 6, 6), (32, 3, 3)]


def test_batch_normalisation_takes_the_place_of_biases() -> None:
    plain = replace(BNCNN, batch_norm=False)
    assert parameters(BNCNN) - parameters(plain) == 2 * (8 + 12 + 16)  # two factors and shifts for each bias
    kinds = {type(module) for module in plain.build(3, 1).modules()}
    assert nn.BatchNorm2d not in kinds


@pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)
def test_the_smallest_side_fits_and_one_less_does_not(recipe: Recipe) -> None:
    smallest = replace(recipe, input_px=recipe.SMALLEST_PX)
    model = build_model(smallest, classes=3, channels=1)
    smallest.begin_epoch(model, 1)
    images = torch.rand(1, 1, recipe.SMALLEST_PX, recipe.SMALLEST_PX)
    assert model(images).shape == (1, 3)  # a batch of one, too
    with pytest.raises(ValueError, match=f"too small for recipe {recipe.NAME}; use {recipe.SMALLEST_PX} or"):
        replace(recipe, input_px=recipe.SMALLEST_PX - 1)


@pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)
def test_every_parameter_gets_a_gradient(recipe: Recipe) -> None:
    torch.manual_seed(0)
    model = build_model(recipe, classes=3, channels=1, initialise=True)
    recipe.begin_epoch(model, 1)
    logits = model(torch.rand(8, 1, recipe.input_px, recipe.input_px))
    nn.functional.cross_entropy(logits, torch.arange(8) % 3).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


def test_start_weights_do_not_depend_on_the_order_in_memory() -> None:
    torch.manual_seed(0)
    plain = LENET.build(3, 1)
    LENET.initialise(plain)
    torch.manual_seed(0)
    model = build_model(LENET, 3, 1, initialise=True)
    assert torch.equal(model.get_submodule("c3").weight, plain.get_submodule("c3").weight)
    assert model.get_submodule("c3").weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)
@pytest.mark.slow
def test_it_learns_twenty_images_by_heart_twice_alike(recipe: Recipe) -> None:
    images = drawn_images(1, 2, 3)
    twenty = ImageSet(images.pixels[:20], images.labels[:20], images.classes, images.provenance[:20])
    first, again = (
        trained(twenty, twenty, recipe=recipe, batch=10, epochs=25, patience=25, learning_rate=0.01)
        for _ in range(2)
    )
    assert first.best.validation_accuracy == 1
    weights = zip(first.model.state_dict().values(), again.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights)


def test_every_recipe_has_a_small_version_for_the_tests() -> None:
    assert list(SMALL) == list(RECIPES)


def test_params_yaml_has_a_section_for_each_recipe() -> None:
    values = yaml.safe_load((TOP / "params.yaml").read_text())["train"]
    assert [key for key, value in values.items() if isinstance(value, dict)] == [*RECIPES, "augmentation"]
    for name, recipe in RECIPES.items():
        chosen = build(TrainParams, values | {"recipe": name}, "params.yaml: train").chosen
        assert type(chosen) is recipe
        assert chosen.input_px <= (64 if name == "transfer" else 48)  # sides of emo's and FER2013's faces


def test_every_recipe_states_its_source() -> None:
    documents = (TOP / "docs/training.md").read_text()
    for name, recipe in RECIPES.items():
        assert recipe.SOURCE
        assert f"`{name}`" in documents


@pytest.mark.parametrize(
    ("recipe", "name", "value"),
    [
        (LENET, "activation", "gelu"), (LENET, "pooling", "none"), (LENET, "maps", (6, 16, 120)),
        (LENET, "maps", (0, 16)), (LENET, "dropout", 1.0), (LENET, "input_px", 5000),
        (BNCNN, "maps", (8, 8)), (BNCNN, "hidden", 0), (BNCNN, "dropout", -0.1),
        (VGG, "maps", (8, 8, 8)), (VGG, "hidden", 5000), (VGG, "dropout", 1.0),
        (RESNET, "maps", 0), (RESNET, "blocks", 0), (RESNET, "hidden", 0), (RESNET, "dropout", 1.0),
        (MOBILENET, "width", 0.05), (MOBILENET, "stem_stride", 3), (MOBILENET, "dropout", 1.0),
        (TRANSFER, "frozen_epochs", -1), (TRANSFER, "weights", ""),
    ],
)  # fmt: skip
def test_settings_out_of_range(recipe: Recipe, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        replace(recipe, **{name: value})


def test_activations_and_dropout_are_where_the_settings_say() -> None:
    model = replace(LENET, activation="elu", dropout=0.25).build(3, 1)
    kinds = [type(layer) for layer in model]
    assert (kinds.count(nn.ELU), kinds.count(nn.ReLU)) == (4, 0)
    assert [layer.share for layer in model if isinstance(layer, Dropout)] == [0.25] * 3
    for recipe in (BNCNN, VGG, RESNET, MOBILENET):
        head = dataclasses.replace(recipe, dropout=0.25).build(3, 1)
        assert [part.share for name, part in head.named_children() if name == "dropout"] == [0.25]
