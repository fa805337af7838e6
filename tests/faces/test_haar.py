"""The Haar cascades, on drawn faces and on a real one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.faces.detector import Box, FaceSizes, Fallback
from pipeline.faces.detectors import haar
from pipeline.faces.detectors.haar import NO_FALLBACK, HaarDetector, HaarSettings
from pipeline.runtime.image_codec import as_grey
from pipeline.runtime.params import build, read_params
from tests.support.faces import blank, portrait, scene
from tests.support.making import TOP

SETTINGS = build(HaarSettings, read_params(TOP / "params.yaml")["faces"]["haar"], "faces: haar")
DETECTOR = SETTINGS.build()
SIZES = FaceSizes(36.0, 240.0, 240.0)


def dark_portrait() -> np.ndarray:
    """Return the photo at a tenth of its brightness, in which the first cascade finds nothing."""
    return np.round(as_grey(portrait()) * 0.1).astype(np.uint8)


def test_nothing_is_detected_without_a_face() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)
    assert DETECTOR.detect(blank(), SIZES) == []
    assert DETECTOR.detect(noise, SIZES) == []
    assert DETECTOR.detect_near(blank(), Box(115.0, 75.0, 90.0, 90.0), 240.0) is None


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (19, 19)])
def test_tiny_frames_hold_no_face(shape: tuple[int, int]) -> None:
    assert (
        DETECTOR.detect(np.zeros(shape, np.uint8), FaceSizes(8.0, float(min(shape)), float(min(shape)))) == []
    )


@pytest.mark.parametrize("image", [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.float32)])
def test_only_grey_frames_are_searched(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected \(H, W\) uint8"):
        DETECTOR.detect(image, SIZES)


def test_faces_outside_the_range_of_sizes_are_not_searched_for() -> None:
    frame = scene((160, 120, 60))
    assert len(DETECTOR.detect(frame, SIZES)) == 1
    assert DETECTOR.detect(frame, FaceSizes(100.0, 240.0, 240.0)) == []
    assert DETECTOR.detect(frame, FaceSizes(15.0, 30.0, 30.0)) == []


def test_the_score_is_the_number_of_agreeing_windows() -> None:
    [found] = DETECTOR.detect(scene((160, 120, 90)), SIZES)
    assert found.score >= SETTINGS.min_neighbors
    assert found.score == int(found.score)


def test_the_fallback_cascade_finds_dark_faces() -> None:
    sizes = FaceSizes(77.0, 512.0, 512.0)
    [found] = DETECTOR.detect(dark_portrait(), sizes)
    assert DETECTOR.detect(dark_portrait(), sizes, fallback=Fallback.NEVER) == []
    alone = HaarDetector(replace(SETTINGS, fallback_cascade=NO_FALLBACK))
    assert alone.detect(dark_portrait(), sizes) == []
    assert DETECTOR.detect_near(dark_portrait(), found.box, 512.0) is not None


@pytest.mark.parametrize("zoom", [1.0, 0.7, 0.5, 0.31, 0.11])
def test_shrinking_keeps_place_and_brightness(zoom: float) -> None:
    frame = cv2.GaussianBlur(scene((160, 120, 100)), (0, 0), 8)
    small = haar._shrunk(frame, zoom)
    exact = cv2.resize(frame, small.shape[::-1], interpolation=cv2.INTER_AREA)
    assert small.shape == pytest.approx((240 * zoom, 320 * zoom), abs=1)
    difference = np.abs(small.astype(int) - exact)
    assert difference.max() <= 16
    assert difference.mean() <= 1


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("cascade", "eye", "is not one of frontalface_default"),
        ("fallback_cascade", "profile", "is not one of none, frontalface_default"),
        ("scale_factor", 1.0, "is not within 1.01..1.5"),
        ("scale_factor", float("nan"), "is not within 1.01..1.5"),
        ("min_neighbors", 0, "is not within 2..20"),
        ("min_score", -1.0, "is not within 0..100"),
    ],
)
def test_settings_out_of_range_are_named(name: str, value: object, bound: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: {value!r} {bound}"):
        replace(SETTINGS, **{name: value})  # type: ignore[arg-type]
