"""Output shapes of the models, their layers, and the preparation of images."""

from dataclasses import replace

import pytest
import torch

from pipeline.learning.model.inference import all_logits, build_model, check_side, shrink
from pipeline.learning.recipes.blocks import Dropout, Standardise, Unroll
from pipeline.learning.recipes.registry import RECIPES
from pipeline.runtime.errors import EmoError
from tests.support.trainings import LENET, SMALL


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("classes", "channels"), [(7, 1), (2, 3)])
def test_logits_have_one_column_a_class(name: str, classes: int, channels: int) -> None:
    recipe = SMALL[name]
    pixels = torch.zeros(5, channels, recipe.input_px, recipe.input_px, dtype=torch.uint8)
    model = build_model(recipe, classes, channels)
    assert all_logits(model, pixels, batch=2).shape == (5, classes)


def test_light_and_contrast_make_no_difference() -> None:
    images = torch.rand(4, 1, 16, 16)
    plain, darker = Standardise()(images), Standardise()(images * 0.5 + 0.1)
    assert torch.allclose(plain, darker, atol=0.02)
    assert torch.allclose(plain.mean((1, 2, 3)), torch.zeros(4), atol=1e-5)
    assert Standardise()(torch.full((1, 1, 8, 8), 0.4)).abs().max() < 1e-3


@pytest.mark.parametrize("channels", [1, 3])
def test_standardise_divides_by_the_standard_deviation(channels: int) -> None:
    images = torch.rand(4, channels, 16, 16)
    deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
    assert torch.allclose(Standardise()(images), (images - mean) / (deviation + 1e-3), atol=1e-5)


def test_unroll_follows_the_memory() -> None:
    maps = torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    rows = Unroll()(maps)
    assert rows.shape == (2, 60)
    assert rows.data_ptr() == maps.data_ptr()  # no copy
    assert rows[1, :3].tolist() == maps[1, :, 0, 0].tolist()


def test_dropout_leaves_out_its_share_and_keeps_the_mean() -> None:
    units, dropout = torch.ones(200, 500), Dropout(0.3)
    result = dropout(units)
    assert result.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert (result == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)  # standard deviation 0.0014
    assert result.mean().item() == pytest.approx(1, abs=0.01)
    assert not torch.equal(result, dropout(units))


def test_dropout_passes_back_what_it_let_through() -> None:
    units = torch.ones(100, requires_grad=True)
    result = Dropout(0.5)(units)
    result.sum().backward()
    assert torch.equal(units.grad, result.detach())


def test_dropout_does_nothing_in_use() -> None:
    units = torch.rand(5, 5)
    assert Dropout(0.5).eval()(units) is units
    assert Dropout(0)(units) is units


def test_shrink_takes_means_of_areas() -> None:
    pixels = torch.tensor([[0, 10, 7, 7], [20, 30, 7, 7]], dtype=torch.uint8).repeat(2, 1).view(1, 1, 4, 4)
    assert shrink(pixels, 2).flatten().tolist() == [15, 7, 15, 7]
    assert shrink(pixels, 4) is pixels


def test_images_that_are_smaller_than_the_input() -> None:
    lenet = replace(LENET, input_px=48)
    check_side(lenet, 48)
    with pytest.raises(EmoError) as caught:
        check_side(lenet, 47)
    assert str(caught.value) == (
        "data/dataset: images of 47x47 pixels are too small for train: lenet: input_px: 48; set it to 47, "
        "or enlarge faces: crop: side_px, in params.yaml"
    )
    with pytest.raises(EmoError, match=r"15x15 .*input_px: 48; choose a recipe for less than 16"):
        check_side(lenet, 15)
