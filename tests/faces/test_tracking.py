"""Tests of the face search, on drawn faces (the real cascade finds them) and on real recordings."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.faces import tracking as haar
from pipeline.faces.detector import Box
from pipeline.faces.tracking import STATUSES, Search, Sighting, find_faces, track

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SEARCH = Search(
    cascade="frontalface_alt2",
    second_opinion="frontalface_alt",
    scale_factor=1.2,
    min_neighbors=5,
    min_face=0.15,
    max_face=1.0,
    full_search_every_s=1.0,
    min_sightings=2,
    min_score=5.0,
    rival_share=0.5,
)
FPS = 5


def blank() -> np.ndarray:
    return np.full((240, 320), 90, np.uint8)


def draw_face(image: np.ndarray, centre: tuple[float, float], width: float) -> None:
    """Draw a face of ellipses, `width` px from ear to ear."""

    def oval(at: tuple[float, float], axes: tuple[float, float], grey: int) -> None:
        middle = (round(centre[0] + at[0] * width), round(centre[1] + at[1] * width))
        cv2.ellipse(image, middle, (round(axes[0] * width), round(axes[1] * width)), 0, 0, 360, grey, -1)

    oval((0, 0), (0.5, 0.65), 190)
    for side in (-1, 1):
        oval((side * 0.2, -0.13), (0.12, 0.05), 50)  # eye
        oval((side * 0.2, -0.26), (0.14, 0.025), 70)  # brow
    oval((0, 0.05), (0.05, 0.16), 205)  # nose
    oval((0, 0.14), (0.09, 0.03), 140)
    oval((0, 0.34), (0.18, 0.05), 80)  # mouth
    image[:] = cv2.GaussianBlur(image, (5, 5), 1)


def scene(*faces: tuple[float, float, float]) -> np.ndarray:
    """A grey picture, (240, 320) uint8, with a face at every (x, y, width)."""
    image = blank()
    for x, y, width in faces:
        draw_face(image, (x, y), width)
    return image


def run(frames: Sequence[np.ndarray], search: Search = SEARCH) -> list[Sighting]:
    return track(frames, [i / FPS for i in range(len(frames))], search)


def statuses(sightings: Sequence[Sighting]) -> list[str]:
    return [s.status for s in sightings]


def off_centre(box: Box | None, x: float, y: float) -> float:
    """Distance of the box's centre from (x, y), in widths of the box."""
    assert box is not None
    return float(np.hypot(box.x + box.w / 2 - x, box.y + box.h / 2 - y)) / box.w


# --- one picture ---------------------------------------------------------------------------------


def test_a_drawn_face_is_found_where_it_is() -> None:
    (face,) = find_faces(scene((160, 120, 90)), SEARCH)
    assert face.status == "ok"
    assert off_centre(face.box, 160, 120) < 0.1
    assert face.box is not None
    assert 0.7 < face.box.w / 90 < 1.4
    assert face.score >= SEARCH.min_neighbors


def test_the_larger_face_comes_first() -> None:
    first, second = find_faces(scene((240, 120, 60), (100, 120, 90)), SEARCH)
    assert off_centre(first.box, 100, 120) < 0.1
    assert off_centre(second.box, 240, 120) < 0.1


def test_nothing_is_found_where_nothing_is() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)
    assert find_faces(blank(), SEARCH) == []
    assert find_faces(noise, SEARCH) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (19, 19)])
def test_tiny_pictures_hold_no_face(shape: tuple[int, int]) -> None:
    assert find_faces(np.zeros(shape, np.uint8), SEARCH) == []


@pytest.mark.parametrize("image", [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.float32)])
def test_only_grey_pictures_are_searched(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected \\(H, W\\) uint8"):
        find_faces(image, SEARCH)


# --- one clip ------------------------------------------------------------------------------------


def test_a_moving_face_is_followed_with_steady_boxes() -> None:
    xs = [100 + 6 * i for i in range(20)]
    seen = run([scene((x, 120, 90)) for x in xs])
    assert statuses(seen) == ["ok"] * 20
    assert all(off_centre(s.box, x, 120) < 0.1 for s, x in zip(seen, xs, strict=True))
    widths = [s.box.w for s in seen if s.box]
    assert max(widths) / min(widths) < 1.15


def sightings_at(*boxes: tuple[float, float] | None) -> list[Sighting]:
    """Return a sighting a frame: a box at (x, width), or none."""
    places = (box and Box(box[0], 50.0, box[1], box[1]) for box in boxes)
    return [Sighting("ok", place, 9.0) if place else Sighting("no_face", None, 0.0) for place in places]


def places(sightings: Sequence[Sighting]) -> list[tuple[float, float] | None]:
    return [(s.box.x, s.box.w) if s.box else None for s in sightings]


def test_boxes_that_tremble_are_steadied() -> None:
    steady = haar._steady(sightings_at((100, 80), (104, 84), (100, 80), (96, 76)))
    assert places(steady) == [(100, 80), (102, 82), (100, 80), (96, 76)]


def test_movement_at_constant_speed_stays_as_it_is() -> None:
    moving = sightings_at((100, 80), (105, 81), (110, 82), (115, 83))
    assert haar._steady(moving) == moving


@pytest.mark.parametrize("other", [(160.0, 80.0), (100.0, 120.0), None])
def test_boxes_beside_a_jump_or_a_gap_are_left_alone(other: tuple[float, float] | None) -> None:
    jumping = sightings_at((100, 80), (104, 80), other, (100, 80))
    assert haar._steady(jumping) == jumping


def test_faces_that_could_be_no_rivals_are_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first frame: faces narrower than 0.7 of the one that is followed."""
    least: list[float] = []
    real = haar._full_search

    def noting(grey: np.ndarray, search: Search, known: Sequence[Box] = (), **options: object) -> object:
        least.append(float(str(options["least_px"])))
        return real(grey, search, known, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(haar, "_full_search", noting)
    followed = run([scene((160, 120, 100))] * 11)[5].box
    assert followed is not None
    assert least[0] == 0.0
    # In the middle of the picture a presence of one half is an area of one half.
    assert least[1:] == pytest.approx([followed.w * 0.5**0.5] * 2, rel=0.05)


@pytest.mark.parametrize("zoom", [1.0, 0.7, 0.5, 0.31, 0.11])
def test_shrinking_keeps_the_place_and_the_light(zoom: float) -> None:
    picture = cv2.GaussianBlur(scene((160, 120, 100)), (0, 0), 8)
    small = haar._shrunk(picture, zoom)
    exact = cv2.resize(picture, small.shape[::-1], interpolation=cv2.INTER_AREA)
    assert small.shape == pytest.approx((240 * zoom, 320 * zoom), abs=1)
    difference = np.abs(small.astype(int) - exact)
    assert difference.max() <= 16
    assert difference.mean() <= 1


def test_a_face_that_comes_nearer_is_followed() -> None:
    assert statuses(run([scene((160, 120, 60 + 5 * i)) for i in range(16)])) == ["ok"] * 16


def test_a_face_that_leaves_is_found_again() -> None:
    here, gone = scene((110, 120, 90)), blank()
    back = scene((200, 125, 85))
    seen = run([here] * 4 + [gone] * 7 + [back] * 4)
    assert statuses(seen) == ["ok"] * 4 + ["no_face"] * 7 + ["ok"] * 4
    assert all(s == Sighting("no_face", None, 0.0) for s in seen[4:11])


def test_a_smaller_second_face_is_never_taken() -> None:
    both = scene((110, 120, 100), (260, 90, 50))
    alone = scene((260, 90, 50))
    seen = run([both] * 5 + [alone] * 8 + [both] * 5)
    assert statuses(seen) == ["ok"] * 5 + ["no_face"] * 8 + ["ok"] * 5
    assert all(off_centre(s.box, 110, 120) < 0.1 for s in seen if s.box)


def test_a_participant_hidden_for_most_of_the_clip_is_still_the_participant() -> None:
    both, alone = scene((110, 120, 100), (260, 90, 50)), scene((260, 90, 50))
    seen = run([both] * 3 + [alone] * 7 + [both] * 2)
    assert statuses(seen) == ["ok"] * 3 + ["no_face"] * 7 + ["ok"] * 2


def test_a_participant_who_comes_late_is_followed_from_the_first_frame() -> None:
    """The face of the background is followed already, so no full search is due."""
    alone, both = scene((260, 90, 50)), scene((110, 120, 100), (260, 90, 50))
    seen = run([alone] * 3 + [both] * 12, replace(SEARCH, full_search_every_s=1.0))
    assert statuses(seen) == ["no_face"] * 3 + ["ok"] * 12


def test_a_passer_by_of_equal_size_changes_nothing() -> None:
    one, two = scene((100, 120, 80)), scene((100, 120, 80), (230, 120, 80))
    seen = run([one] * 10 + [two] * 3 + [one] * 10)
    assert statuses(seen) == ["ok"] * 23
    assert all(off_centre(s.box, 100, 120) < 0.1 for s in seen)


def test_two_equal_faces_cannot_be_told_apart() -> None:
    seen = run([scene((90, 120, 80), (230, 120, 80))] * 8)
    assert statuses(seen) == ["several_faces"] * 8
    assert all(s.box is None for s in seen)


def test_blank_and_noise_hold_nobody() -> None:
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (240, 320), dtype=np.uint8) for _ in range(4)]
    assert statuses(run([blank()] * 4)) == ["no_face"] * 4
    assert statuses(run(noise)) == ["no_face"] * 4


def test_a_small_face_is_called_too_small() -> None:
    seen = run([scene((160, 120, 36))] * 6, replace(SEARCH, min_face=0.3))
    assert statuses(seen) == ["too_small"] * 6
    assert all(off_centre(s.box, 160, 120) < 0.1 for s in seen)


def test_a_face_seen_once_is_not_believed() -> None:
    frames = [blank()] * 4 + [scene((160, 120, 90))] + [blank()] * 4
    assert set(statuses(run(frames))) == {"no_face"}
    assert "ok" in statuses(run(frames, replace(SEARCH, min_sightings=1)))


def test_a_clip_of_one_frame_needs_one_sighting() -> None:
    assert statuses(run([scene((160, 120, 90))])) == ["ok"]


def test_an_unsure_person_is_not_believed() -> None:
    frames = [scene((160, 120, 90))] * 4
    assert set(statuses(run(frames, replace(SEARCH, min_score=100.0)))) == {"no_face"}


def test_no_frames_give_no_sightings() -> None:
    assert track([], [], SEARCH) == []


def test_frames_and_times_must_agree() -> None:
    with pytest.raises(ValueError, match="2 frames, but 1 times"):
        track([blank()] * 2, [0.0], SEARCH)


def test_the_same_frames_give_the_same_sightings() -> None:
    frames = [scene((100 + 4 * i, 120, 90), (260, 90, 45)) for i in range(8)]
    first = run(frames)
    assert run(frames) == first
    assert all(type(v) is float for s in first if s.box for v in (s.box.x, s.box.w, s.score))
    assert set(statuses(first)) <= set(STATUSES)


class Reel(Sequence[np.ndarray]):
    """Frames drawn on demand, that count how often they are read and how many are held."""

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


def test_few_frames_are_held_and_few_read_twice() -> None:
    reel = Reel(40)
    seen = run(reel)
    assert statuses(seen).count("ok") == 36
    assert reel.most_held <= 3
    assert all(n >= 1 for n in reel.visits)
    assert sum(reel.visits) <= 1.25 * len(reel)


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("cascade", "eye", "one of frontalface_default"),
        ("second_opinion", "profile", "one of none, frontalface_default"),
        ("scale_factor", 1.0, "in 1.01..1.5"),
        ("scale_factor", float("nan"), "in 1.01..1.5"),
        ("min_neighbors", 0, "in 2..20"),
        ("min_face", 0.0, "in 0.02..0.9"),
        ("max_face", 1.5, "in 0.05..1"),
        ("full_search_every_s", -1.0, "in 0..60"),
        ("min_sightings", 0, "in 1..100"),
        ("min_score", -1.0, "in 0..100"),
        ("rival_share", 0.0, "in 0.05..1"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: object, bound: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: {value} is not {bound}"):
        replace(SEARCH, **{name: value})  # type: ignore[arg-type]


def test_the_smallest_face_is_smaller_than_the_largest() -> None:
    with pytest.raises(ValueError, match=r"min_face: 0\.5 is not below max_face"):
        replace(SEARCH, min_face=0.5, max_face=0.4)


# --- real recordings -----------------------------------------------------------------------------


def read(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Read a recording at about FPS, grey, halved; and the time of each frame, seconds."""
    if not path.exists():
        pytest.skip(f"{path} is not there")
    video = cv2.VideoCapture(str(path))
    step = max(1, round(video.get(cv2.CAP_PROP_FPS) / FPS))
    frames, times_s = [], []
    while video.grab():
        if int(video.get(cv2.CAP_PROP_POS_FRAMES) - 1) % step == 0:
            grey = cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2GRAY)
            frames.append(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
            times_s.append(video.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    return frames, times_s


@pytest.mark.parametrize("subject", ["042", "001"])
def test_light_and_dark_skin_are_found_alike(subject: str) -> None:
    """042 is the man of whom the usual search loses two of three frames."""
    frames, times_s = read(DATA / "london" / "clips" / subject / "neutral.mp4")
    assert statuses(track(frames, times_s, SEARCH)) == ["ok"] * len(frames)


def test_nobody_is_found_where_nobody_is() -> None:
    frames, times_s = read(DATA / "edge" / "no_face.mp4")
    assert set(statuses(track(frames, times_s, SEARCH))) == {"no_face"}


@pytest.mark.parametrize(
    ("name", "start_s", "end_s"), [("face_noface.mov", 0, 2.37), ("noface_face.mov", 3.98, 6.33)]
)
def test_a_person_who_comes_or_goes(name: str, start_s: float, end_s: float) -> None:
    """The seconds between which the person is there were looked up in the pictures."""
    frames, times_s = read(DATA / "edge" / name)
    there = ["ok" if start_s <= t < end_s else "no_face" for t in times_s]
    assert statuses(track(frames, times_s, SEARCH)) == there
