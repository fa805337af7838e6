from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.faces.crop import CONTRASTS, DENOISERS, Crop, cut_square, enhance, sharpness

CROP = Crop(margin=0.0, side_px=32, colour="grey", contrast="none", denoise="none", min_sharpness=0.0)


def ramp(height: int = 100, width: int = 120) -> np.ndarray:
    """Return a grey face whose value is the column."""
    return np.repeat(np.arange(width, dtype=np.uint8)[None], height, axis=0)


def test_the_square_around_the_box_is_cut() -> None:
    cut = cut_square(ramp(), (40, 20, 32, 32), CROP)
    assert np.array_equal(cut, ramp()[20:52, 40:72])


def test_a_box_that_is_not_square_gives_its_longer_side() -> None:
    cut = cut_square(ramp(), (50, 20, 12, 32), CROP)
    assert np.array_equal(cut, ramp()[20:52, 40:72])


def test_the_margin_is_added_on_each_side() -> None:
    cut = cut_square(ramp(), (40, 20, 32, 32), replace(CROP, margin=0.25, side_px=48))
    assert np.array_equal(cut, ramp()[12:60, 32:80])


@pytest.mark.parametrize(
    ("box", "first", "last"),
    [((-10, 10, 32, 32), 0, 21), ((100, 10, 32, 32), 100, 119), ((200, 300, 32, 32), 119, 119)],
)
def test_pixels_at_the_edge_are_repeated_beyond_it(
    box: tuple[float, float, float, float], first: int, last: int
) -> None:
    cut = cut_square(ramp(), box, CROP)
    assert cut.shape == (32, 32)
    assert (cut[0, 0], cut[-1, -1]) == (first, last)


def test_boxes_are_scaled_up_and_down_in_colour_too() -> None:
    colour = cv2.merge([ramp(), ramp() // 2, ramp() // 4])
    for side in (8, 80):
        cut = cut_square(colour, (10, 10, side, side), CROP)
        assert cut.shape == (32, 32, 3)
        assert abs(float(cut[:, :, 0].mean()) - (10 + (side - 1) / 2)) < 1


def test_sharpness_falls_with_blur_and_is_0_on_a_plain_surface() -> None:
    texture = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    values = [sharpness(cv2.GaussianBlur(texture, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert sharpness(np.full((64, 64, 3), 77, np.uint8)) == 0.0
    point = np.zeros((5, 5), np.uint8)
    point[2, 2] = 10
    # By hand: -40 at the point and 10 at its four neighbours; mean 0, mean of squares (1600 + 4 * 100) / 25.
    assert sharpness(point) == 80.0


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("denoise", DENOISERS)
@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3)])
def test_enhancing_keeps_shape_and_type(contrast: str, denoise: str, shape: tuple[int, ...]) -> None:
    face = np.random.default_rng(0).integers(60, 120, shape, np.uint8)
    before = face.copy()
    enhanced = enhance(face, replace(CROP, contrast=contrast, denoise=denoise))
    assert (enhanced.shape, enhanced.dtype) == (shape, np.uint8)
    assert np.array_equal(face, before)
    assert np.array_equal(enhanced, enhance(face, replace(CROP, contrast=contrast, denoise=denoise)))
    if (contrast, denoise) == ("none", "none"):
        assert np.array_equal(enhanced, face)
    if contrast == "histogram" and denoise == "none":
        assert int(enhanced.max()) - int(enhanced.min()) > 150


def test_settings_out_of_range_are_named() -> None:
    for name, value in (("margin", -0.1), ("side_px", 8), ("min_sharpness", -1)):
        with pytest.raises(ValueError, match=f"{name}: .* is not within"):
            replace(CROP, **{name: value})
    for name in ("colour", "contrast", "denoise"):
        with pytest.raises(ValueError, match=f"{name}: 'x' is not one of"):
            replace(CROP, **{name: "x"})
