"""The net's shapes, and what it does to its input."""

import pytest
import torch
from torch import nn

from pipeline.core.errors import EmoError
from pipeline.learning.models import (
    Dropout,
    LenetParams,
    Standardise,
    Unroll,
    all_logits,
    build_model,
    shrink,
)

SETTINGS = LenetParams(maps=(6, 16), activation="tanh", pooling="average", dropout=0.0)


def model(classes: int = 7, input_px: int = 32, channels: int = 1) -> nn.Module:
    return build_model("lenet", SETTINGS, classes=classes, input_px=input_px, channels=channels)


def test_layers_are_those_of_lenet_5() -> None:
    shapes = [tuple(p.shape) for p in model(classes=10).parameters() if p.ndim > 1]
    # LeCun et al. 1998: 6 and 16 maps of 5x5, 16 * 5 * 5 = 400 units of S4, then 120, 84 and 10.
    assert shapes == [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]


@pytest.mark.parametrize(("classes", "input_px", "channels"), [(7, 32, 1), (2, 48, 3), (5, 16, 1)])
def test_logits_have_one_column_a_class(classes: int, input_px: int, channels: int) -> None:
    pixels = torch.zeros(5, channels, input_px, input_px, dtype=torch.uint8)
    net = model(classes, input_px, channels)
    assert all_logits(net, pixels, batch=2).shape == (5, classes)


def test_too_small_an_input() -> None:
    with pytest.raises(EmoError, match="input_px: 15 is too small for recipe lenet; use 16 or more"):
        model(input_px=15)


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
    with pytest.raises(EmoError, match=r"4x4 pixels are too small for train: input_px: 5; set it to 4"):
        shrink(pixels, 5)


def test_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match="relu, tanh"):
        LenetParams(maps=(6, 16), activation="gelu", pooling="max", dropout=0)
    with pytest.raises(ValueError, match="pooling"):
        LenetParams(maps=(6, 16), activation="relu", pooling="none", dropout=0)
    with pytest.raises(ValueError, match="two whole numbers"):
        LenetParams(maps=(6, 16, 120), activation="relu", pooling="max", dropout=0)
    with pytest.raises(ValueError, match="dropout"):
        LenetParams(maps=(6, 16), activation="relu", pooling="max", dropout=1)
