"""The interface of face detectors, for every detector of the registry.

A new detector needs an entry in CASES: a frame, and the boxes of the faces in it.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from pipeline.faces.crop import Crop
from pipeline.faces.detector import (
    Box,
    Detection,
    DetectorSettings,
    FaceDetector,
    FaceSizes,
    Fallback,
    distinct,
)
from pipeline.faces.detectors.registry import DETECTORS
from pipeline.faces.params import FacesParams
from pipeline.faces.tracking import TrackingParams
from pipeline.runtime.image_codec import as_grey
from pipeline.runtime.params import build, load_params, read_params
from tests.support.faces import PORTRAIT_FACE, blank, portrait, scene
from tests.support.making import TOP

PARAMS = load_params("faces", FacesParams, TOP / "params.yaml")
SIZES = FaceSizes(36.0, 240.0, 240.0)


class Case(NamedTuple):
    """A frame in which a detector finds the faces."""

    frame: np.ndarray
    faces: list[Box]


def square(x: float, y: float, width: float) -> Box:
    """Return the box around a centre."""
    return Box(x - width / 2, y - width / 2, width, width)


CASES = {
    "haar": Case(scene((100, 120, 90), (240, 120, 60)), [square(100, 120, 90), square(240, 120, 60)]),
    "whole_frame": Case(blank(), [Box(0, 0, 320, 240)]),
}


def settings_of(name: str) -> DetectorSettings:
    """Return the settings of a detector in params.yaml."""
    return build(DETECTORS[name], read_params(TOP / "params.yaml")["faces"][name], f"faces: {name}")


@pytest.fixture(params=sorted(DETECTORS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def detector(name: str) -> FaceDetector:
    return settings_of(name).build()


@pytest.fixture
def case(name: str) -> Case:
    return CASES[name]


def is_near(detection: Detection, face: Box) -> bool:
    """Return whether a detection is at a face: its centre within a tenth of the width, its size similar."""
    (x, y), (u, v) = detection.box.centre, face.centre
    return float(np.hypot(x - u, y - v)) < 0.1 * face.w and 0.7 < detection.box.w / face.w < 1.4


def test_every_detector_has_a_case_and_a_section_of_its_own() -> None:
    assert CASES.keys() == DETECTORS.keys()
    assert {name: settings.NAME for name, settings in DETECTORS.items()} == {name: name for name in DETECTORS}
    assert (
        read_params(TOP / "params.yaml")["faces"].keys() - {"detector", "tracking", "crop"}
        == DETECTORS.keys()
    )


def test_detect_returns_one_detection_per_face(detector: FaceDetector, case: Case) -> None:
    found = detector.detect(case.frame, SIZES)
    assert len(found) == len(case.faces)
    assert all(any(is_near(detection, face) for detection in found) for face in case.faces)
    for detection in found:
        others = [other.box for other in found if other is not detection]
        assert not detection.box.is_any_of(others)
        assert all(type(value) is float for value in (detection.score, *vars(detection.box).values()))
        assert detection.score >= detector.min_score


def test_detect_leaves_known_faces_out(detector: FaceDetector, case: Case) -> None:
    for face in case.faces:
        found = detector.detect(case.frame, SIZES, known=[face])
        assert len(found) == len(case.faces) - 1
        assert not any(is_near(detection, face) for detection in found)
    assert detector.detect(case.frame, SIZES, known=case.faces, fallback=Fallback.ALWAYS) == []


def test_detect_near_finds_a_known_face_again(detector: FaceDetector, case: Case) -> None:
    for face in case.faces:
        moved = Box(face.x + face.w / 20, face.y - face.w / 20, face.w, face.h)
        found = detector.detect_near(case.frame, moved, SIZES.accepted_px)
        assert found is not None
        assert is_near(found, face)


def test_a_detector_keeps_no_state_and_leaves_the_frame_as_it_is(name: str, case: Case) -> None:
    frame, detector = case.frame.copy(), settings_of(name).build()
    first = detector.detect(frame, SIZES)
    detector.detect(blank(), SIZES)
    detector.detect_near(blank(), case.faces[0], 240.0)
    assert detector.detect(frame, SIZES) == first == settings_of(name).build().detect(frame, SIZES)
    assert np.array_equal(frame, case.frame)


def test_a_real_face_is_detected(name: str, detector: FaceDetector) -> None:
    photo = as_grey(portrait())
    [found] = detector.detect(photo, FaceSizes(77.0, 512.0, 512.0))
    face = Box(0, 0, 512, 600) if settings_of(name).EXPECTS_CROPS else square(*PORTRAIT_FACE)
    assert is_near(found, face)


def test_the_margin_is_for_detectors_that_find_faces(name: str) -> None:
    crop = Crop(0.25, 64, "grey", "none", "none", 0.0)
    tracking = TrackingParams(0.15, 1.0, 1.0, 2, 0.5)
    settings = settings_of(name)
    expected = 0.0 if settings.EXPECTS_CROPS else 0.25
    assert FacesParams(name, tracking, crop, settings).effective_crop.margin == expected


# --- Boxes ----------------------------------------------------------------------------------------


def test_overlap_is_the_share_of_the_smaller_box() -> None:
    box = Box(0, 0, 10, 10)
    assert box.overlap(Box(5, 0, 10, 10)) == 0.5
    assert box.overlap(Box(2, 2, 5, 5)) == 1.0
    assert box.overlap(Box(20, 0, 10, 10)) == 0.0
    assert (box.centre, Box(5, 0, 10, 10).is_any_of([box]), Box(8, 0, 10, 10).is_any_of([box])) == (
        (5.0, 5.0),
        True,
        False,
    )


def test_of_overlapping_detections_the_best_is_kept() -> None:
    weak, strong, apart = (
        Detection(Box(x, 0, 10, 10), score) for x, score in ((0, 1.0), (2, 3.0), (50, 2.0))
    )
    assert distinct([weak, strong, apart]) == [strong, apart]


@pytest.mark.parametrize(
    ("shape", "expected"),
    {
        (480, 640): 64 / 480,  # 64 pixels fill the crop; 0.15 of the short side would be 72
        (360, 640): 0.15,  # 54 pixels: smaller faces than the crop are accepted anyway
        (8000, 8000): 0.02,
    }.items(),
)
def test_a_face_that_fills_the_crop_is_accepted(shape: tuple[int, int], expected: float) -> None:
    tracking = PARAMS.tracking_in(shape)
    assert tracking.min_face == expected
    assert replace(tracking, min_face=PARAMS.tracking.min_face) == PARAMS.tracking
