"""The participant's face in every sampled frame, by Haar cascades and tracking.

A cascade of boosted Haar-like features (Viola & Jones 2001, "Rapid object detection using a
boosted cascade of simple features", CVPR) finds frontal faces; the cascades are OpenCV's. What
makes it fast is that most frames are searched only around the face of the frame before, in a
window shrunk to a small fixed face size. What makes it trustworthy is that nobody is called the
participant before the whole clip has been seen: `track` first follows every face, then decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import hypot, inf
from pathlib import Path
from typing import NamedTuple

import cv2
import cv2.data
import numpy as np

CASCADES = (
    "frontalface_default",
    "frontalface_alt",
    "frontalface_alt2",
    "frontalface_alt_tree",
)
STATUSES = ("ok", "no_face", "several_faces", "too_small")

# A search shrinks its image until the smallest face it looks for is this wide. The cascades were
# trained on 20 or 24 px faces, so a full search needs little more. From 40 px on OpenCV tries every
# position instead of every second one, which around a known face is cheap and gives steady boxes.
_FULL_PX, _NEAR_PX = 22, 40
_LEAST_PX = 8  # narrower things are no faces, whatever the picture
# From one frame to the next, a face keeps about its size and its place.
_SHRINK, _GROW = 0.75, 1.35
_REACH = 0.25  # how far the window goes beyond the last box, in box widths
# After a loss, a face is the same person's if its size fits and it could have moved that far.
_SAME_SIZE = 1.5
_SAME_PLACE, _SAME_PLACE_PER_S = 1.5, 2.0  # in box widths; per second of absence
_SAME_FACE = 0.3  # boxes that overlap by this share of the smaller one show one face
_STILL = 0.75  # boxes of neighbouring frames that overlap by this share show a head that keeps its place
_TOLERANCE_S = 1e-6  # times are sums of fractions
_GRID = 16  # boxes are averaged on a grid this much finer than the pixels searched


@dataclass(frozen=True)
class Box:
    """A square around a face, in pixels of the image searched; (x, y) is its top left corner."""

    x: float
    y: float
    w: float
    h: float

    @property
    def centre(self) -> tuple[float, float]:
        """Return the centre (x, y), pixels."""
        return self.x + self.w / 2, self.y + self.h / 2

    def shared(self, other: "Box") -> float:
        """Return the area common to both boxes, as a share of the smaller one, 0..1."""
        wide = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        high = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return max(wide, 0) * max(high, 0) / min(self.w * self.h, other.w * other.h)


@dataclass(frozen=True)
class Sighting:
    """What one frame says about the participant's face."""

    status: str
    """One of STATUSES; only `ok` frames become face images."""
    box: Box | None
    """The face; None unless the status is `ok` or `too_small`."""
    score: float
    """How many search windows agree on the face (neighbours); 0 where there is none."""


@dataclass(frozen=True)
class Search:
    """How faces are searched for, and which of them are believed."""

    cascade: str
    """The cascade asked first, one of CASCADES."""
    second_opinion: str
    """The cascade asked where the first finds nothing, on equalised light (grey levels spread
    evenly), which is what dark faces and dark rooms need; one of CASCADES, or `none`."""
    scale_factor: float
    """Step between the face sizes tried, 1.01..1.5."""
    min_neighbors: int
    """Search windows that must agree on a face, 2..20."""
    min_face: float
    """Narrowest face accepted, as a share of the image's short side, 0.02..0.9."""
    max_face: float
    """Widest face searched for, as a share of the image's short side, 0.05..1."""
    full_search_every_s: float
    """Seconds after which the whole frame is searched even if no face is lost, 0..60."""
    min_sightings: int
    """Frames in which a person must be seen to be believed (all, if the clip has fewer), 1..100."""
    min_score: float
    """Mean score that a person must reach over the clip, 0..100."""
    rival_share: float
    """A second person's presence (area of the face, nearness to the centre, time), as a share of
    the first's, from which nobody can tell who the participant is, 0.05..1. For two faces equally
    central and seen equally long: 0.5 means that one is 0.71 times as wide as the other."""

    def __post_init__(self) -> None:
        """Raise ValueError, with name, value and bound, for a setting out of range."""
        _check_choice("cascade", self.cascade, CASCADES)
        _check_choice("second_opinion", self.second_opinion, ("none", *CASCADES))
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name}: {value} is not in {low}..{high}")
        if self.min_face >= self.max_face:
            raise ValueError(f"min_face: {self.min_face} is not below max_face ({self.max_face})")


_RANGES = {
    "scale_factor": (1.01, 1.5),
    "min_neighbors": (2, 20),
    "min_face": (0.02, 0.9),
    "max_face": (0.05, 1),
    "full_search_every_s": (0, 60),
    "min_sightings": (1, 100),
    "min_score": (0, 100),
    "rival_share": (0.05, 1),
}


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name}: {value} is not one of {', '.join(choices)}")


class _Face(NamedTuple):
    box: Box
    score: float


class _Sizes(NamedTuple):
    """Limits of the face width, and the width to which the smallest face is shrunk, px."""

    low: float
    high: float
    low_shrunk: int


# --- one image ---------------------------------------------------------------------------------


def find_faces(grey: np.ndarray, search: Search) -> list[Sighting]:
    """Find all plausible faces of one image, the likeliest participant first.

    grey: (H, W) uint8. Faces narrower than `search.min_face` are looked for only where there is
    no other, and have the status `too_small`. Raises ValueError for any other kind of array.
    """
    found = _full_search(grey, search) or _search_small(grey, search)
    faces = sorted(found, key=lambda f: -_presence(f, grey.shape))
    return [_sighting(face, grey.shape, search) for face in faces]


def _full_search(
    grey: np.ndarray,
    search: Search,
    known: Sequence[Box] = (),
    *,
    least_px: float = 0.0,
    thorough: bool = False,
) -> list[_Face]:
    """Search the whole image coarsely, then closely around each find that is not `known` already.

    least_px: faces narrower than this do not matter; small ones cost most. thorough: ask the second
    opinion even if the first finds somebody.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8:
        raise ValueError(f"expected (H, W) uint8, got {grey.shape} {grey.dtype}")
    least = max(search.min_face * min(grey.shape), _LEAST_PX, least_px)
    sizes = _Sizes(least, search.max_face * min(grey.shape), _FULL_PX)
    found: list[_Face] = []
    for opinion in _opinions(search):
        coarse = _detect(grey, opinion, sizes, search.scale_factor, search.min_neighbors / 2)
        fresh = [face for face in coarse if not _overlaps(face.box, known)]
        found += _look_closer(grey, fresh, search)
        if not thorough and (found or len(fresh) < len(coarse)):
            break
    return _distinct(found)


def _search_small(grey: np.ndarray, search: Search) -> list[_Face]:
    """Search the whole image for faces narrower than `search.min_face`; costs more than all others."""
    least = max(search.min_face * min(grey.shape), _LEAST_PX)
    sizes = _Sizes(max(least / 2, _LEAST_PX), least, _FULL_PX)
    coarse = _detect(grey, _opinions(search)[0], sizes, search.scale_factor, search.min_neighbors / 2)
    return _distinct(_look_closer(grey, coarse, search))


def _look_closer(grey: np.ndarray, coarse: Iterable[_Face], search: Search) -> list[_Face]:
    """Confirm coarse finds: those stay that a search around them finds again."""
    closer = (_search_near(grey, face.box, search) for face in coarse)
    return [face for face in closer if face]


def _search_near(grey: np.ndarray, last: Box, search: Search) -> _Face | None:
    """Search for the face that was at `last` a moment ago."""
    reach = last.w * _REACH
    left, top = max(int(last.x - reach), 0), max(int(last.y - reach), 0)
    right, bottom = int(last.x + last.w + reach), int(last.y + last.h + reach)
    window = grey[top : bottom + 1, left : right + 1]
    widest = min(last.w * _GROW, search.max_face * min(grey.shape))
    sizes = _Sizes(max(last.w * _SHRINK, _LEAST_PX), widest, _NEAR_PX)
    for opinion in _opinions(search):
        faces = _detect(window, opinion, sizes, search.scale_factor, search.min_neighbors)
        if faces:
            box, score = faces[0]
            return _Face(Box(box.x + left, box.y + top, box.w, box.h), score)
    return None


class _Opinion(NamedTuple):
    cascade: str
    equalise: bool


def _opinions(search: Search) -> list[_Opinion]:
    first = _Opinion(search.cascade, False)
    if search.second_opinion == "none":
        return [first]
    return [first, _Opinion(search.second_opinion, True)]


def _detect(grey: np.ndarray, opinion: _Opinion, sizes: _Sizes, step: float, neighbors: float) -> list[_Face]:
    """Run one cascade over one image, shrunk to the face size it needs; best score first.

    The raw windows are grouped here, on a fine grid: the cascade's own grouping rounds to whole
    pixels of the shrunken image, which would make the boxes tremble.
    """
    if sizes.high < sizes.low:
        return []
    zoom = sizes.low_shrunk / sizes.low
    picture = _shrunk(grey, zoom)
    if opinion.equalise:
        picture = cv2.equalizeHist(picture)
    raw = _cascade(opinion.cascade).detectMultiScale(
        picture,
        scaleFactor=step,
        minNeighbors=0,
        minSize=(sizes.low_shrunk,) * 2,
        maxSize=(round(sizes.high * zoom),) * 2,
    )
    if len(raw) == 0:
        return []
    boxes, counts = cv2.groupRectangles((np.asarray(raw) * _GRID).tolist(), 1, eps=0.2)
    unit = zoom * _GRID
    faces = [
        _Face(_square(*(float(v) / unit for v in box)), float(n))
        for box, n in zip(boxes, np.ravel(counts), strict=True)
        if n >= neighbors
    ]
    return sorted(faces, key=lambda f: (-f.score, f.box.y, f.box.x, f.box.w))


def _shrunk(grey: np.ndarray, zoom: float) -> np.ndarray:
    """Return the image scaled down: halved by the mean of 2x2 pixels, the rest between pixels.

    A tenth of the time that areas of any size take.
    """
    while zoom <= 0.5:
        height, width = (side // 2 for side in grey.shape)
        even = grey[: 2 * height, : 2 * width]
        grey, zoom = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), 2 * zoom
    return cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)


def _square(x: float, y: float, w: float, h: float) -> Box:
    """Return the square in the middle of a window that is one but for rounding."""
    side = (w + h) / 2
    return Box(x + (w - side) / 2, y + (h - side) / 2, side, side)


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    path = Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml"
    return cv2.CascadeClassifier(str(path))


def _distinct(faces: Iterable[_Face]) -> list[_Face]:
    """Keep the best of every heap of overlapping boxes: one face is often found at two sizes."""
    kept: list[_Face] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if not _overlaps(face.box, [other.box for other in kept]):
            kept.append(face)
    return kept


def _overlaps(box: Box, others: Iterable[Box]) -> bool:
    return any(box.shared(other) >= _SAME_FACE for other in others)


def _presence(face: _Face, shape: tuple[int, ...]) -> float:
    """Weigh a face: its share of the image area, halved towards the corners."""
    height, width = shape
    x, y = face.box.centre
    off = hypot(x - width / 2, y - height / 2) / hypot(width / 2, height / 2)
    return face.box.w * face.box.h / (height * width) * (1 - off / 2)


def _rival_px(face: _Face, shape: tuple[int, ...], search: Search) -> float:
    """Return the width that another face needs, if it were in the middle, to rival this one."""
    return (search.rival_share * _presence(face, shape) * shape[0] * shape[1]) ** 0.5


def _sighting(face: _Face, shape: tuple[int, ...], search: Search) -> Sighting:
    enough = face.box.w >= search.min_face * min(shape)
    return Sighting("ok" if enough else "too_small", face.box, face.score)


# --- one clip ----------------------------------------------------------------------------------


class _Seen(NamedTuple):
    face: _Face
    sighting: Sighting
    presence: float


_Track = dict[int, _Seen]  # by position of the frame


def track(frames: Sequence[np.ndarray], times_s: Sequence[float], search: Search) -> list[Sighting]:
    """Find the participant's face in every frame of one clip.

    frames: (H, W) uint8 each, grey, in time order; read one at a time, about once each.
    times_s: the time of each frame, seconds. Returns one sighting per frame.
    Raises ValueError if frames and times differ in number.
    """
    if len(frames) != len(times_s):
        raise ValueError(f"{len(frames)} frames, but {len(times_s)} times")
    tracks = _follow(frames, times_s, search)
    people = _people(tracks, times_s)
    people = [p for p in people if _believable(p, len(frames), search)]
    nothing = [Sighting("no_face", None, 0.0)] * len(frames)
    if not people:
        return nothing
    if len(people) > 1 and _rivalry(people[1], people[0]) >= search.rival_share:
        return _undecided(people, nothing)
    participant = _fill_back(people[0], frames, search)
    return _steady([participant[i].sighting if i in participant else no for i, no in enumerate(nothing)])


def _follow(frames: Sequence[np.ndarray], times_s: Sequence[float], search: Search) -> list[_Track]:
    """Follow every face from frame to frame; a face that was lost begins a new track."""
    tracks: dict[int, _Track] = {}
    weights: dict[int, float] = {}  # how much each face has been there so far
    current: dict[int, _Face] = {}
    searched_s = -inf
    for i, time_s in enumerate(times_s):
        grey = frames[i]
        found = _step(grey, current, search)
        # Whoever has been there most must not be lost to a bystander who is easier to find.
        main = max(weights, key=weights.__getitem__, default=None)
        missed = main is not None and main not in found
        due = time_s - searched_s >= search.full_search_every_s - _TOLERANCE_S
        if due or missed or not found:
            searched_s = time_s if due else searched_s
            known = [face.box for face in found.values()]
            least_px = 0.0 if missed or main is None else _rival_px(found[main], grey.shape, search)
            new = _full_search(grey, search, known, least_px=least_px, thorough=missed)
            if due and not found and not new:
                new = _search_small(grey, search)
            found |= {len(tracks) + n: face for n, face in enumerate(new)}
            if main is not None and missed and (heir := _heir(tracks[main], found)) is not None:
                weights[heir] = weights.pop(main)
        for k, face in found.items():
            tracks.setdefault(k, {})[i] = _seen(face, grey.shape, search)
            weights[k] = weights.get(k, 0) + tracks[k][i].presence
        current = found
    return list(tracks.values())


def _heir(lost: _Track, found: dict[int, _Face]) -> int | None:
    """Tell which of the faces found may be the lost one: the newest of about its size."""
    width = lost[max(lost)].face.box.w
    alike = [k for k, f in found.items() if 1 / _SAME_SIZE <= f.box.w / width <= _SAME_SIZE]
    return max(alike, default=None)


def _step(grey: np.ndarray, current: dict[int, _Face], search: Search) -> dict[int, _Face]:
    """Find each followed face again; where two become one, the longer followed goes on."""
    found: dict[int, _Face] = {}
    for k, last in current.items():
        face = _search_near(grey, last.box, search)
        if face and not _overlaps(face.box, [f.box for f in found.values()]):
            found[k] = face
    return found


def _seen(face: _Face, shape: tuple[int, ...], search: Search) -> _Seen:
    return _Seen(face, _sighting(face, shape, search), _presence(face, shape))


def _weight(person: _Track) -> float:
    return sum(seen.presence for seen in person.values())


def _rivalry(second: _Track, first: _Track) -> float:
    """Compare the presence of two people, in a typical frame; less for one seen in fewer frames."""
    typical = (_weight(second) / len(second)) / (_weight(first) / len(first))
    return typical * min(1, len(second) / len(first))


def _people(tracks: Iterable[_Track], times_s: Sequence[float]) -> list[_Track]:
    """Join the tracks that one person can have left; most present person first."""
    people: list[_Track] = []
    for piece in sorted(tracks, key=_weight, reverse=True):
        for person in people:
            if _same_person(person, piece, times_s):
                person.update(piece)
                break
        else:
            people.append(dict(piece))
    return sorted(people, key=_weight, reverse=True)


def _same_person(person: _Track, piece: _Track, times_s: Sequence[float]) -> bool:
    """Tell whether a track fits a person: never both at once, alike in size, within reach."""
    if not person.keys().isdisjoint(piece):
        return False
    first, last = min(piece), max(piece)
    before = max((i for i in person if i < first), default=None)
    after = min((i for i in person if i > last), default=None)
    ends = [(a, b) for a, b in ((before, first), (after, last)) if a is not None]
    gap_s, a, b = min((abs(times_s[a] - times_s[b]), a, b) for a, b in ends)
    there, here = person[a].face.box, piece[b].face.box
    ratio = max(there.w, here.w) / min(there.w, here.w)
    (x, y), (u, v) = there.centre, here.centre
    reach = max(there.w, here.w) * (_SAME_PLACE + _SAME_PLACE_PER_S * gap_s)
    return ratio <= _SAME_SIZE and hypot(x - u, y - v) <= reach


def _believable(person: _Track, n_frames: int, search: Search) -> bool:
    mean = sum(seen.face.score for seen in person.values()) / len(person)
    return len(person) >= min(search.min_sightings, n_frames) and mean >= search.min_score


def _undecided(people: list[_Track], nothing: list[Sighting]) -> list[Sighting]:
    several = Sighting("several_faces", None, 0.0)
    return [several if any(i in person for person in people[:2]) else no for i, no in enumerate(nothing)]


def _fill_back(person: _Track, frames: Sequence[np.ndarray], search: Search) -> _Track:
    """Follow the participant backwards from each appearance.

    While another face was being followed, an appearance is noticed only by the next full search.
    """
    filled = dict(person)
    for start in sorted(i for i in person if i - 1 not in person):
        for i in range(start - 1, -1, -1):
            if i in filled:
                break
            face = _search_near(frames[i], filled[i + 1].face.box, search)
            if face is None:
                break
            filled[i] = _seen(face, frames[i].shape, search)
    return filled


def _steady(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Average each box with those of the frames before and after (weights 1 2 1).

    A cascade's boxes tremble by some percent even where the head is still; movement at constant speed
    stays as it is. Where the head jumps or a neighbour is missing, the box is left alone.
    """
    steady = list(sightings)
    for i, (before, now, after) in enumerate(zip(sightings, sightings[1:], sightings[2:], strict=False), 1):
        if before.box and now.box and after.box and _is_still(now.box, (before.box, after.box)):
            steady[i] = replace(now, box=_mean((before.box, now.box, now.box, after.box)))
    return steady


def _is_still(box: Box, others: Iterable[Box]) -> bool:
    return all(box.shared(other) >= _STILL and _STILL <= box.w / other.w <= 1 / _STILL for other in others)


def _mean(boxes: Sequence[Box]) -> Box:
    n = len(boxes)
    x, y = sum(box.x for box in boxes) / n, sum(box.y for box in boxes) / n
    return Box(x, y, sum(box.w for box in boxes) / n, sum(box.h for box in boxes) / n)
