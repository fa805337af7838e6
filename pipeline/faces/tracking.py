"""The participant's face in every sampled frame of a clip, followed from frame to frame.

Most frames are searched only around the face of the frame before, which makes tracking fast. The participant
is chosen only after the whole clip has been processed: `track` first follows every face, then decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import hypot, inf
from typing import NamedTuple

import numpy as np

from pipeline.faces.detector import LEAST_PX, Box, Detection, FaceDetector, FaceSizes, Fallback
from pipeline.runtime.params import check_range
from pipeline.schema.faces import NO_FACE, OK, SEVERAL_FACES, TOO_SMALL

# After a loss, a face is the same person's if its size fits and it could have moved that far.
_SAME_SIZE = 1.5
_SAME_PLACE, _SAME_PLACE_PER_S = 1.5, 2.0  # in box widths; per second of absence
_STILL = 0.75  # boxes of neighbouring frames that overlap by this share show a head that keeps its place
_TOLERANCE_S = 1e-6  # times are sums of fractions


@dataclass(frozen=True)
class TrackingParams:
    """Which faces are followed, and which of them is the participant: params.yaml, faces: tracking."""

    min_face: float
    "narrowest face accepted, as a share of the frame's short side, 0.02..0.9"
    max_face: float
    "widest face searched for, as a share of the frame's short side, 0.05..1"
    full_search_every_s: float
    "seconds after which the whole frame is searched even if no face is lost, 0..60"
    min_detections: int
    "frames in which a person must be detected to count (all, if the clip has fewer), 1..100"
    rival_share: float
    """a second person's presence (area of the face, nearness to the centre, time), as a share of the first's,
    from which the participant is undecided, 0.05..1; for two faces equally central and seen equally long, 0.5
    means that one is 0.71 times as wide as the other"""

    def __post_init__(self) -> None:
        check_range("min_face", self.min_face, 0.02, 0.9)
        check_range("max_face", self.max_face, 0.05, 1)
        check_range("full_search_every_s", self.full_search_every_s, 0, 60)
        check_range("min_detections", self.min_detections, 1, 100)
        check_range("rival_share", self.rival_share, 0.05, 1)
        if self.min_face >= self.max_face:
            raise ValueError(f"min_face: {self.min_face} is not below max_face ({self.max_face})")


@dataclass(frozen=True)
class TrackedFace:
    """The participant's face in one frame."""

    status: str
    "ok, no_face, several_faces or too_small; only `ok` frames become face crops"
    box: Box | None
    "None unless the status is ok or too_small"
    score: float
    "the detector's score of the face; 0 where there is none"


# --- One image ----------------------------------------------------------------------------------------


def find_faces(grey: np.ndarray, detector: FaceDetector, params: TrackingParams) -> list[TrackedFace]:
    """Find all faces of one image, (H, W) uint8, the likeliest participant first.

    Faces narrower than `params.min_face` are searched for only where there is no other, and have the status
    `too_small`. Raises ValueError for any other kind of array.
    """
    found = detector.detect(grey, _sizes(grey, params)) or _detect_small(grey, detector, params)
    faces = sorted(found, key=lambda face: -_presence(face, grey.shape))
    return [_tracked(face, grey.shape, params) for face in faces]


def _sizes(grey: np.ndarray, params: TrackingParams, least_px: float = 0.0) -> FaceSizes:
    """Return the face widths to search a frame for; faces narrower than `least_px` do not matter."""
    short = min(grey.shape)
    widest = params.max_face * short
    return FaceSizes(max(params.min_face * short, LEAST_PX, least_px), widest, widest)


def _detect_small(grey: np.ndarray, detector: FaceDetector, params: TrackingParams) -> list[Detection]:
    """Search for faces narrower than `params.min_face`; small faces cost most."""
    sizes = _sizes(grey, params)
    small = FaceSizes(max(sizes.smallest_px / 2, LEAST_PX), sizes.smallest_px, sizes.accepted_px)
    return detector.detect(grey, small, fallback=Fallback.NEVER)


def _presence(face: Detection, shape: tuple[int, ...]) -> float:
    """Weigh a face: its share of the frame's area, halved towards the corners."""
    height, width = shape
    x, y = face.box.centre
    off = hypot(x - width / 2, y - height / 2) / hypot(width / 2, height / 2)
    return face.box.w * face.box.h / (height * width) * (1 - off / 2)


def _rival_px(face: Detection, shape: tuple[int, ...], params: TrackingParams) -> float:
    """Return the width that another face needs, if it were in the middle, to rival this one."""
    return (params.rival_share * _presence(face, shape) * shape[0] * shape[1]) ** 0.5


def _tracked(face: Detection, shape: tuple[int, ...], params: TrackingParams) -> TrackedFace:
    enough = face.box.w >= params.min_face * min(shape)
    return TrackedFace(OK if enough else TOO_SMALL, face.box, face.score)


# --- One clip -----------------------------------------------------------------------------------------


class _Seen(NamedTuple):
    face: Detection
    tracked: TrackedFace
    presence: float


_Track = dict[int, _Seen]  # by position of the frame


def track(
    frames: Sequence[np.ndarray], times_s: Sequence[float], detector: FaceDetector, params: TrackingParams
) -> list[TrackedFace]:
    """Find the participant's face in every frame of one clip.

    Args:
        frames: (H, W) uint8 each, grey, in time order; read one at a time, about once each.
        times_s: The time of each frame, seconds.
        detector: Finds the faces.
        params: Which of them are followed, and which is the participant.

    Returns:
        One result a frame.

    Raises:
        ValueError: Frames and times differ in number.
    """
    if len(frames) != len(times_s):
        raise ValueError(f"{len(frames)} frames, but {len(times_s)} times")
    people = _people(_Follower(detector, params).follow(frames, times_s), times_s)
    people = [p for p in people if _is_credible(p, len(frames), detector, params)]
    nothing = [TrackedFace(NO_FACE, None, 0.0)] * len(frames)
    if not people:
        return nothing
    if len(people) > 1 and _rivalry(people[1], people[0]) >= params.rival_share:
        return _undecided(people, nothing)
    participant = _filled_back(people[0], frames, detector, params)
    return _smoothed([participant[i].tracked if i in participant else no for i, no in enumerate(nothing)])


class _Follower:
    """Follows every face of one clip from frame to frame; a face that was lost begins a new track."""

    def __init__(self, detector: FaceDetector, params: TrackingParams) -> None:
        self.detector, self.params = detector, params
        self.tracks: dict[int, _Track] = {}
        self.weights: dict[int, float] = {}
        "how much each face has been present so far"
        self.current: dict[int, Detection] = {}
        self.searched_s = -inf

    def follow(self, frames: Sequence[np.ndarray], times_s: Sequence[float]) -> list[_Track]:
        """Return the tracks of all faces, in the order in which they began."""
        for i, time_s in enumerate(times_s):
            grey = frames[i]
            found = self._followed(grey)
            # The face that has been present most must not be lost to a bystander who is easier to find.
            main = max(self.weights, key=self.weights.__getitem__, default=None)
            missed = main is not None and main not in found
            due = time_s - self.searched_s >= self.params.full_search_every_s - _TOLERANCE_S
            if due or missed or not found:
                self.searched_s = time_s if due else self.searched_s
                new = self._search(grey, found, main, due=due)
                found |= {len(self.tracks) + n: face for n, face in enumerate(new)}
                if main is not None and missed and (heir := _heir(self.tracks[main], found)) is not None:
                    self.weights[heir] = self.weights.pop(main)
            self._note(i, found, grey.shape)
        return list(self.tracks.values())

    def _followed(self, grey: np.ndarray) -> dict[int, Detection]:
        """Find each followed face again; where two become one, the longer followed goes on."""
        found: dict[int, Detection] = {}
        for k, last in self.current.items():
            face = _near(grey, last.box, self.detector, self.params)
            if face and not face.box.is_any_of(other.box for other in found.values()):
                found[k] = face
        return found

    def _search(
        self, grey: np.ndarray, found: dict[int, Detection], main: int | None, *, due: bool
    ) -> list[Detection]:
        """Search the whole frame for faces that are not followed yet."""
        missed = main is not None and main not in found
        least_px = 0.0 if main is None or missed else _rival_px(found[main], grey.shape, self.params)
        new = self.detector.detect(
            grey,
            _sizes(grey, self.params, least_px),
            known=[face.box for face in found.values()],
            fallback=Fallback.ALWAYS if missed else Fallback.IF_NONE,
        )
        if due and not found and not new:
            return _detect_small(grey, self.detector, self.params)
        return new

    def _note(self, position: int, found: dict[int, Detection], shape: tuple[int, ...]) -> None:
        for k, face in found.items():
            seen = _seen(face, shape, self.params)
            self.tracks.setdefault(k, {})[position] = seen
            self.weights[k] = self.weights.get(k, 0) + seen.presence
        self.current = found


def _near(grey: np.ndarray, last: Box, detector: FaceDetector, params: TrackingParams) -> Detection | None:
    return detector.detect_near(grey, last, params.max_face * min(grey.shape))


def _heir(lost: _Track, found: dict[int, Detection]) -> int | None:
    """Return which of the faces found may be the lost one: the newest of about its size."""
    width = lost[max(lost)].face.box.w
    alike = [k for k, f in found.items() if 1 / _SAME_SIZE <= f.box.w / width <= _SAME_SIZE]
    return max(alike, default=None)


def _seen(face: Detection, shape: tuple[int, ...], params: TrackingParams) -> _Seen:
    return _Seen(face, _tracked(face, shape, params), _presence(face, shape))


def _weight(person: _Track) -> float:
    return sum(seen.presence for seen in person.values())


def _rivalry(second: _Track, first: _Track) -> float:
    """Compare the presence of two people, in a typical frame; less for one seen in fewer frames."""
    typical = (_weight(second) / len(second)) / (_weight(first) / len(first))
    return typical * min(1, len(second) / len(first))


def _people(tracks: Iterable[_Track], times_s: Sequence[float]) -> list[_Track]:
    """Join the tracks that can be of one person; the most present person first."""
    people: list[_Track] = []
    for piece in sorted(tracks, key=_weight, reverse=True):
        for person in people:
            if _is_same_person(person, piece, times_s):
                person.update(piece)
                break
        else:
            people.append(dict(piece))
    return sorted(people, key=_weight, reverse=True)


def _is_same_person(person: _Track, piece: _Track, times_s: Sequence[float]) -> bool:
    """Return whether a track fits a person: never both at once, alike in size, within reach."""
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


def _is_credible(person: _Track, frames: int, detector: FaceDetector, params: TrackingParams) -> bool:
    mean = sum(seen.face.score for seen in person.values()) / len(person)
    return len(person) >= min(params.min_detections, frames) and mean >= detector.min_score


def _undecided(people: list[_Track], nothing: list[TrackedFace]) -> list[TrackedFace]:
    several = TrackedFace(SEVERAL_FACES, None, 0.0)
    return [several if any(i in person for person in people[:2]) else no for i, no in enumerate(nothing)]


def _filled_back(
    person: _Track, frames: Sequence[np.ndarray], detector: FaceDetector, params: TrackingParams
) -> _Track:
    """Follow the participant backwards from each appearance.

    While another face was being followed, an appearance is noticed only by the next full search.
    """
    filled = dict(person)
    for start in sorted(i for i in person if i - 1 not in person):
        for i in range(start - 1, -1, -1):
            if i in filled:
                break
            face = _near(frames[i], filled[i + 1].face.box, detector, params)
            if face is None:
                break
            filled[i] = _seen(face, frames[i].shape, params)
    return filled


def _smoothed(faces: Sequence[TrackedFace]) -> list[TrackedFace]:
    """Average each box with those of the frames before and after (weights 1 2 1).

    A detector's boxes jitter by some per cent even where the head is still; movement at constant speed stays
    as it is. Where the head jumps or a neighbour is missing, the box is left alone.
    """
    smooth = list(faces)
    for i, (before, now, after) in enumerate(zip(faces, faces[1:], faces[2:], strict=False), 1):
        if before.box and now.box and after.box and _is_still(now.box, (before.box, after.box)):
            smooth[i] = replace(now, box=_mean((before.box, now.box, now.box, after.box)))
    return smooth


def _is_still(box: Box, others: Iterable[Box]) -> bool:
    return all(box.overlap(other) >= _STILL and _STILL <= box.w / other.w <= 1 / _STILL for other in others)


def _mean(boxes: Sequence[Box]) -> Box:
    n = len(boxes)
    x, y = sum(box.x for box in boxes) / n, sum(box.y for box in boxes) / n
    return Box(x, y, sum(box.w for box in boxes) / n, sum(box.h for box in boxes) / n)
