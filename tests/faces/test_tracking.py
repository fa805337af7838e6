"""Tracking: the rules with a scripted detector, and the whole with the Haar cascades on moving faces."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.faces import tracking
from pipeline.faces.detector import Box, Detection, FaceDetector, FaceSizes, Fallback
from pipeline.faces.params import FacesParams
from pipeline.faces.tracking import TrackedFace, find_faces, track
from pipeline.runtime.image_codec import as_grey
from pipeline.runtime.params import load_params
from pipeline.schema.faces import STATUSES
from tests.support.faces import blank, portrait_scene, scene
from tests.support.making import TOP, take_sample, write_video

PARAMS = load_params("faces", FacesParams, TOP / "params.yaml")
TRACKING = replace(PARAMS.tracking, full_search_every_s=1.0, min_detections=2, rival_share=0.5)
FPS = 5


class ScriptedDetector(FaceDetector):
    """Finds the faces that a script lists for each frame; a frame carries its number in its first pixel."""

    def __init__(self, script: Sequence[Sequence[Box]], score: float = 9.0, min_score: float = 5.0) -> None:
        self.script, self.score, self.min_score = script, score, min_score
        self.searches: list[tuple[int, FaceSizes, Fallback]] = []
        "Whole-frame searches: frame, sizes and use of the fallback."

    def detect(
        self,
        grey: np.ndarray,
        sizes: FaceSizes,
        *,
        known: Sequence[Box] = (),
        fallback: Fallback = Fallback.IF_NONE,
    ) -> list[Detection]:
        """Return the scripted faces within the range of sizes."""
        self.searches.append((int(grey[0, 0]), sizes, fallback))
        return [
            Detection(box, self.score)
            for box in self.script[grey[0, 0]]
            if sizes.smallest_px <= box.w <= sizes.largest_px and not box.is_any_of(known)
        ]

    def detect_near(self, grey: np.ndarray, last: Box, accepted_px: float) -> Detection | None:
        """Return the scripted face that overlaps most with the last box."""
        near = [box for box in self.script[grey[0, 0]] if box.is_any_of([last]) and box.w <= accepted_px]
        return Detection(max(near, key=last.overlap), self.score) if near else None


def at(x: float, y: float, width: float) -> Box:
    """Return a square box around a centre."""
    return Box(x - width / 2, y - width / 2, width, width)


def run(detector: ScriptedDetector, params: tracking.TrackingParams = TRACKING) -> list[TrackedFace]:
    """Track the script of a detector in frames of 320 x 240 pixels."""
    frames = [np.full((240, 320), number, np.uint8) for number in range(len(detector.script))]
    return track(frames, [number / FPS for number in range(len(frames))], detector, params)


def follow(*script: Sequence[Box], **changes: object) -> list[TrackedFace]:
    return run(ScriptedDetector(script), replace(TRACKING, **changes))  # type: ignore[arg-type]


def statuses(faces: Sequence[TrackedFace]) -> list[str]:
    return [face.status for face in faces]


def offset(box: Box | None, x: float, y: float) -> float:
    """Return the distance of a box's centre from (x, y), in widths of the box."""
    assert box is not None
    return float(np.hypot(box.centre[0] - x, box.centre[1] - y)) / box.w


LARGE, SMALL = at(110, 120, 100), at(260, 90, 50)


# --- One image ------------------------------------------------------------------------------------


def test_the_most_likely_participant_comes_first() -> None:
    detector = ScriptedDetector([[SMALL, LARGE]])
    first, second = find_faces(np.zeros((240, 320), np.uint8), detector, TRACKING)
    assert (first.box, second.box) == (LARGE, SMALL)
    central, lateral = at(160, 120, 80), at(40, 40, 80)
    detector = ScriptedDetector([[lateral, central]])
    assert find_faces(np.zeros((240, 320), np.uint8), detector, TRACKING)[0].box == central


def test_small_faces_are_searched_for_only_if_there_is_no_other() -> None:
    tiny = at(200, 60, 30)  # narrower than 0.15 x 240 = 36 pixels
    grey = np.zeros((240, 320), np.uint8)
    assert [face.status for face in find_faces(grey, ScriptedDetector([[tiny]]), TRACKING)] == ["too_small"]
    assert [face.box for face in find_faces(grey, ScriptedDetector([[tiny, LARGE]]), TRACKING)] == [LARGE]
    assert find_faces(grey, ScriptedDetector([[]]), TRACKING) == []


# --- One clip -------------------------------------------------------------------------------------


def test_a_moving_face_is_tracked_with_few_full_searches() -> None:
    path = [at(100 + 6 * i, 120, 90) for i in range(20)]
    detector = ScriptedDetector([[box] for box in path])
    found = run(detector)
    assert statuses(found) == ["ok"] * 20
    assert [face.box for face in found] == path  # constant speed: smoothing changes nothing
    assert [number for number, _, _ in detector.searches] == [0, 5, 10, 15]  # every second


def test_faces_that_cannot_be_rivals_are_not_searched_for() -> None:
    detector = ScriptedDetector([[at(160, 120, 100)]] * 11)
    run(detector)
    first, *later = [sizes.smallest_px for _, sizes, _ in detector.searches]
    assert first == pytest.approx(0.15 * 240)
    # In the centre, half the presence is half the area.
    assert later == pytest.approx([100 * 0.5**0.5] * 2)


def test_a_face_that_leaves_is_found_again() -> None:
    here, back = at(110, 120, 90), at(200, 125, 85)
    found = follow(*[[here]] * 4, *[[]] * 7, *[[back]] * 4)
    assert statuses(found) == ["ok"] * 4 + ["no_face"] * 7 + ["ok"] * 4
    assert all(face == TrackedFace("no_face", None, 0.0) for face in found[4:11])


def test_a_lost_participant_is_searched_for_with_the_fallback() -> None:
    detector = ScriptedDetector([[LARGE], [LARGE], [], [LARGE]])
    run(detector)
    assert [(number, fallback) for number, _, fallback in detector.searches] == [
        (0, Fallback.IF_NONE),
        (2, Fallback.ALWAYS),
        (3, Fallback.ALWAYS),
    ]


def test_a_smaller_second_face_is_never_taken() -> None:
    both, alone = [LARGE, SMALL], [SMALL]
    found = follow(*[both] * 5, *[alone] * 8, *[both] * 5)
    assert statuses(found) == ["ok"] * 5 + ["no_face"] * 8 + ["ok"] * 5
    assert {face.box for face in found} == {LARGE, None}


def test_a_participant_hidden_for_most_of_the_clip_is_still_the_participant() -> None:
    found = follow(*[[LARGE, SMALL]] * 3, *[[SMALL]] * 7, *[[LARGE, SMALL]] * 2)
    assert statuses(found) == ["ok"] * 3 + ["no_face"] * 7 + ["ok"] * 2


def test_a_participant_who_comes_late_is_tracked_from_the_first_frame() -> None:
    """The face in the background is tracked already, so that no full search is due before 1 s."""
    found = follow(*[[SMALL]] * 3, *[[LARGE, SMALL]] * 12)
    assert statuses(found) == ["no_face"] * 3 + ["ok"] * 12


def test_a_passer_by_of_equal_size_changes_nothing() -> None:
    one, other = at(100, 120, 80), at(230, 120, 80)
    found = follow(*[[one]] * 10, *[[one, other]] * 3, *[[one]] * 10)
    assert statuses(found) == ["ok"] * 23
    assert {face.box for face in found} == {one}


def test_two_equal_faces_leave_the_participant_undecided() -> None:
    found = follow(*[[at(90, 120, 80), at(230, 120, 80)]] * 8)
    assert statuses(found) == ["several_faces"] * 8
    assert all(face.box is None for face in found)


@pytest.mark.parametrize(("width", "status"), [(73.0, "several_faces"), (68.0, "ok")])
def test_the_rival_share_is_a_share_of_the_area(width: float, status: str) -> None:
    """0.5 of the area is 0.71 of the width: 71 of 100 pixels, at the same distance from the centre."""
    found = follow(*[[at(90, 120, 100), at(230, 120, width)]] * 6)
    assert set(statuses(found)) == {status}


def test_a_small_face_is_called_too_small() -> None:
    small = at(160, 120, 36)
    found = follow(*[[small]] * 6, min_face=0.3)
    assert statuses(found) == ["too_small"] * 6
    assert {face.box for face in found} == {small}


def test_a_face_that_is_detected_once_is_not_accepted() -> None:
    script = [[]] * 4 + [[LARGE]] + [[]] * 4
    assert set(statuses(follow(*script))) == {"no_face"}
    assert statuses(follow(*script, min_detections=1)).count("ok") == 1


def test_a_clip_of_one_frame_needs_one_detection() -> None:
    assert statuses(follow([LARGE])) == ["ok"]


def test_a_face_with_a_low_score_is_not_accepted() -> None:
    for score, status in ((4.9, "no_face"), (5.0, "ok")):
        assert set(statuses(run(ScriptedDetector([[LARGE]] * 4, score)))) == {status}


def test_no_frames_give_no_faces() -> None:
    assert follow() == []


def test_frames_and_times_must_agree() -> None:
    with pytest.raises(ValueError, match="2 frames but 1 times"):
        track([blank()] * 2, [0.0], ScriptedDetector([[]]), TRACKING)


# --- Smoothing ------------------------------------------------------------------------------------


def faces_at(*boxes: tuple[float, float] | None) -> list[TrackedFace]:
    """Return a face per frame: a box at (x, width), or none."""
    return [
        TrackedFace("ok", Box(box[0], 50.0, box[1], box[1]), 9.0)
        if box
        else TrackedFace("no_face", None, 0.0)
        for box in boxes
    ]


def test_boxes_that_jitter_are_smoothed() -> None:
    smooth = tracking._smoothed(faces_at((100, 80), (104, 84), (100, 80), (96, 76)))
    assert [(face.box.x, face.box.w) for face in smooth if face.box] == [
        (100, 80),
        (102, 82),
        (100, 80),
        (96, 76),
    ]


def test_movement_at_constant_speed_stays_as_it_is() -> None:
    moving = faces_at((100, 80), (105, 81), (110, 82), (115, 83))
    assert tracking._smoothed(moving) == moving


@pytest.mark.parametrize("other", [(160.0, 80.0), (100.0, 120.0), None])
def test_boxes_beside_a_jump_or_a_gap_stay_as_they_are(other: tuple[float, float] | None) -> None:
    jumping = faces_at((100, 80), (104, 80), other, (100, 80))
    assert tracking._smoothed(jumping) == jumping


# --- With the Haar cascades -----------------------------------------------------------------------


def run_haar(frames: Sequence[np.ndarray]) -> list[TrackedFace]:
    return track(frames, [i / FPS for i in range(len(frames))], PARAMS.settings.build(), TRACKING)


def test_drawn_faces_are_tracked_with_steady_boxes() -> None:
    xs = [100 + 6 * i for i in range(20)]
    found = run_haar([scene((x, 120, 90)) for x in xs])
    assert statuses(found) == ["ok"] * 20
    assert all(offset(face.box, x, 120) < 0.1 for face, x in zip(found, xs, strict=True))
    widths = [face.box.w for face in found if face.box]
    assert max(widths) / min(widths) < 1.15
    assert run_haar([scene((x, 120, 90)) for x in xs]) == found
    assert all(type(v) is float for face in found if face.box for v in (face.box.x, face.box.w, face.score))
    assert set(statuses(found)) <= set(STATUSES)


def test_a_drawn_face_that_comes_nearer_is_tracked() -> None:
    assert statuses(run_haar([scene((160, 120, 60 + 5 * i)) for i in range(16)])) == ["ok"] * 16


def test_blank_frames_and_noise_hold_no_face() -> None:
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (240, 320), dtype=np.uint8) for _ in range(4)]
    assert set(statuses(run_haar([blank()] * 4) + run_haar(noise))) == {"no_face"}


def grey_frames(path: Path) -> list[np.ndarray]:
    return [as_grey(picture.pixels) for picture in take_sample(path)[0]]


@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_a_real_face_is_tracked_in_bright_and_dark_recordings(tmp_path: Path, gain: float) -> None:
    """At a tenth of the brightness only the fallback cascade finds it."""
    xs = [160 + 20 * i for i in range(16)]
    video = write_video(tmp_path / "v.mp4", [portrait_scene(x, gain) for x in xs], crf="18")
    found = run_haar(grey_frames(video))
    assert statuses(found) == ["ok"] * 16
    assert all(offset(face.box, x, 112) < 0.12 for face, x in zip(found, xs, strict=True))


def test_a_real_face_that_comes_or_goes(tmp_path: Path) -> None:
    empty = np.full((300, 640, 3), 110, np.uint8)
    there = [portrait_scene(300 + 6 * i) for i in range(7)]
    video = write_video(tmp_path / "v.mp4", [*[empty] * 5, *there, *[empty] * 5])
    assert statuses(run_haar(grey_frames(video))) == ["no_face"] * 5 + ["ok"] * 7 + ["no_face"] * 5


# --- Memory ---------------------------------------------------------------------------------------


class Reel(Sequence[np.ndarray]):
    """Frames drawn on access; counts how often each is read and how many are held at once."""

    def __init__(self, n: int) -> None:
        self.visits = [0] * n
        self.alive: list[weakref.ref[np.ndarray]] = []
        self.most_held = 0

    def __len__(self) -> int:
        return len(self.visits)

    def __getitem__(self, i: int) -> np.ndarray:  # type: ignore[override]
        if not 0 <= i < len(self):
            raise IndexError(i)
        self.visits[i] += 1
        image = scene((100 + i, 120, 90)) if i % 10 else blank()
        gc.collect(0)
        self.alive = [*(r for r in self.alive if r() is not None), weakref.ref(image)]
        self.most_held = max(self.most_held, len(self.alive))
        return image

    def __iter__(self) -> Iterator[np.ndarray]:
        raise AssertionError("frames are read one at a time")


def test_few_frames_are_held_and_few_are_read_twice() -> None:
    reel = Reel(40)
    assert statuses(run_haar(reel)).count("ok") == 36
    assert reel.most_held <= 3
    assert all(n >= 1 for n in reel.visits)
    assert sum(reel.visits) <= 1.25 * len(reel)


# --- Settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("min_face", 0.0, "0.02..0.9"),
        ("max_face", 1.5, "0.05..1"),
        ("full_search_every_s", -1.0, "0..60"),
        ("min_detections", 0, "1..100"),
        ("rival_share", 0.0, "0.05..1"),
    ],
)
def test_settings_out_of_range_are_named(name: str, value: float, bound: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: {value} is not within {bound}"):
        replace(TRACKING, **{name: value})  # type: ignore[arg-type]


def test_the_narrowest_face_is_narrower_than_the_widest() -> None:
    with pytest.raises(ValueError, match=r"min_face: 0\.5 is not below max_face"):
        replace(TRACKING, min_face=0.5, max_face=0.4)
