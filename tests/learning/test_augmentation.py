"""What the changes keep, and what each of them does."""

import dataclasses

import pytest
import torch
from torch import Generator, Tensor

from pipeline.learning.training.augmentation import AugmentationParams, _affine, _patterns, augment
from tests.support.trainings import OFF

ALL = AugmentationParams(
    flip=True, rotate_deg=15, shift=0.1, zoom=0.2, shear=0.1, elastic=0.05, brightness=0.3, contrast=0.5,
    shading=0.3, noise=0.1, erase=0.3,
)  # fmt: skip


def pictures(n: int = 8, channels: int = 1, side: int = 32) -> Tensor:
    return torch.rand((n, channels, side, side), generator=Generator().manual_seed(1))


def changed(images: Tensor, seed: int = 0, **changes: float) -> Tensor:
    return augment(images, dataclasses.replace(OFF, **changes), Generator().manual_seed(seed))


def test_switched_off_it_changes_nothing() -> None:
    images = pictures()
    assert torch.equal(augment(images, OFF, Generator()), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_it_keeps_shape_range_and_its_input(channels: int) -> None:
    images = pictures(channels=channels)
    before = images.clone()
    result = augment(images, ALL, Generator().manual_seed(0))
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(images, before)


def test_the_generator_decides_alone() -> None:
    images = pictures()
    first, again = (augment(images, ALL, Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, augment(images, ALL, Generator().manual_seed(6)))


def test_each_image_is_changed_in_its_own_way() -> None:
    one = pictures(1).expand(4, -1, -1, -1)
    result = augment(one, ALL, Generator().manual_seed(0))
    assert len({tuple(image.flatten().tolist()) for image in result}) == 4


def test_flip_mirrors_about_half_of_the_images() -> None:
    images = pictures(200, side=8)
    result = changed(images, flip=True)
    mirrored = (result - images.flip(3)).abs().amax((1, 2, 3)) < 1e-5
    same = (result - images).abs().amax((1, 2, 3)) < 1e-5
    assert bool((mirrored ^ same).all())
    assert 70 < mirrored.sum() < 130  # 200 throws of a coin: 100, standard deviation 7


def test_shift_moves_the_face_by_at_most_its_share() -> None:
    dot = torch.zeros(50, 1, 33, 33)
    dot[:, :, 16, 16] = 1
    places = changed(dot, shift=0.1).flatten(1).argmax(1)
    away = torch.stack([places // 33 - 16, places % 33 - 16]).abs()
    assert 2 <= away.max() <= 4  # 0.1 of 33 pixels is 3.3


def test_rotation_and_zoom_keep_the_centre() -> None:
    dot = torch.zeros(20, 1, 33, 33)
    dot[:, :, 15:18, 15:18] = 1
    result = changed(dot, rotate_deg=30, zoom=0.2, shear=0.2)
    assert bool((result.flatten(1).argmax(1) // 33 - 16).abs().max() <= 1)
    assert bool((result[:, 0, 16, 16] > 0.99).all())


def test_zoom_changes_the_area_within_its_bounds() -> None:
    square = torch.zeros(100, 1, 64, 64)
    square[:, :, 16:48, 16:48] = 1
    areas = changed(square, zoom=0.2).sum((1, 2, 3)) / 32**2
    assert areas.min() > 0.8**2 - 0.05
    assert areas.max() < 1.2**2 + 0.05
    assert areas.max() - areas.min() > 0.4


def test_places_are_those_of_an_affine_grid() -> None:
    n, side = 6, 16
    params = dataclasses.replace(ALL, elastic=0)
    factors = _affine(n, params, Generator().manual_seed(3))
    found = (factors @ _patterns(side, torch.device("cpu"))[:3]).view(n, 2, side, side).permute(0, 2, 3, 1)
    expected = torch.nn.functional.affine_grid(factors, [n, 1, side, side], align_corners=False)
    assert torch.allclose(found, expected, atol=1e-5)


def test_bends_lie_on_straight_lines_between_the_knots() -> None:
    knots = torch.rand(2, 3, 25)
    found = (knots @ _patterns(32, torch.device("cpu"))[3:]).view(2, 3, 32, 32)
    grid = knots.view(2, 3, 5, 5)
    expected = torch.nn.functional.interpolate(grid, 32, mode="bilinear", align_corners=True)
    assert torch.allclose(found, expected, atol=1e-5)


def test_turns_spread_evenly_over_their_bounds() -> None:
    params = dataclasses.replace(OFF, flip=True, rotate_deg=10, shift=0.1)
    (a, b, x), (c, d, y) = _affine(4000, params, Generator().manual_seed(0)).permute(1, 2, 0)
    angle = torch.rad2deg(torch.atan2(c, d))
    for drawn, bound in ((angle, 10), (x, 0.2), (y, 0.2)):  # a side is 2 long
        assert drawn.abs().max() <= bound * 1.0001
        assert drawn.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)  # of an even spread
        assert drawn.mean().item() == pytest.approx(0, abs=bound * 0.04)
    assert torch.allclose(a.abs(), d)  # mirrored or not
    assert torch.allclose(b.abs(), c.abs(), atol=1e-6)


def test_elastic_bends_smoothly_and_within_its_share() -> None:
    ramp = torch.linspace(0, 1, 32).expand(20, 1, 32, 32).contiguous()  # grey value = place across
    moved = (changed(ramp, elastic=0.05) - ramp)[:, 0, :, 3:-3]
    assert 0.02 < moved.abs().max() < 0.055  # a side is 1 long; its edges repeat, hence the margin
    assert moved.diff(dim=1).abs().max() < 0.02  # neighbours move alike
    assert moved.std(dim=(1, 2)).min() > 0  # but not all as much


def test_brightness_and_contrast_are_bounded() -> None:
    grey = torch.full((100, 1, 8, 8), 0.5)
    assert (changed(grey, brightness=0.2) - 0.5).abs().max() <= 0.2 + 1e-6
    assert torch.allclose(changed(grey, contrast=0.5), grey)  # contrast turns about mid-grey
    light = torch.full((100, 1, 8, 8), 0.7)
    assert (changed(light, contrast=0.5) - 0.7).abs().max() <= 0.1 + 1e-6


def test_shading_lights_one_side_and_keeps_the_mean() -> None:
    result = changed(torch.full((10, 1, 32, 32), 0.5), shading=0.2)
    assert torch.allclose(result.mean((1, 2, 3)), torch.full((10,), 0.5), atol=1e-5)
    assert result.amax() > 0.55


def test_noise_has_its_standard_deviation() -> None:
    noise = changed(torch.full((20, 1, 32, 32), 0.5), noise=0.05) - 0.5
    assert noise.std().item() == pytest.approx(0.05, rel=0.05)


def test_erase_covers_at_most_a_square() -> None:
    result = changed(torch.zeros(50, 1, 40, 40), erase=0.25)
    assert set(result.unique().tolist()) == {0.0, 0.5}
    covered = (result > 0).sum((1, 2, 3))
    assert covered.max() == 10 * 10  # 0.25 of 40 pixels is 10


@pytest.mark.parametrize(
    ("name", "value"), [("rotate_deg", 181), ("zoom", 1.0), ("noise", -0.1), ("contrast", float("nan"))]
)
def test_values_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        dataclasses.replace(OFF, **{name: value})
