"""The participant's face in every sampled frame of a clip, tracked from frame to frame.

Most frames are searched only around the face of the frame before, which makes tracking fast. The participant
is chosen only after the whole clip has been processed: `track` first tracks every face, then decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import hypot, inf
from typing import Annotated, NamedTuple

import numpy as np

from pipeline.faces.detector import LEAST_PX, Box, Detection, FaceDetector, FaceSizes, Fallback
from pipeline.runtime.params import Checked, Within
from pipeline.schema.faces import NO_FACE, OK, SEVERAL_FACES, TOO_SMALL

# After a gap, two tracks belong to one person if the sizes fit and the face could have moved that far.
_SAME_SIZE = 1.5
_SAME_PLACE, _SAME_PLACE_PER_S = 1.5, 2.0  # in box widths; per second of absence
_STILL = 0.75  # boxes of adjacent frames that overlap by this share show a head that does not move
_TOLERANCE_S = 1e-6  # times are sums of fractions


@dataclass(frozen=True)
class TrackingParams(Checked):
    """Which faces are tracked, and which of them is the participant's."""

    min_face: Annotated[float, Within(0.02, 0.9)]
    "Narrowest face accepted, as a share of the frame's short side."
    max_face: Annotated[float, Within(0.05, 1)]
    "Widest face searched for, as a share of the frame's short side."
    full_search_every_s: Annotated[float, Within(0, 60)]
    "Seconds after which the whole frame is searched even if no face is lost."
    min_detections: Annotated[int, Within(1, 100)]
    "Frames in which a person must be detected (all, if the clip has fewer)."
    rival_share: Annotated[float, Within(0.05, 1)]
    """Presence (area of the face, nearness to the centre, time) of a second person, as a share of the
    first's, from which it is undecided who the participant is. For two faces equally central and
    visible equally long, 0.5 means that one is 0.71 times as wide as the other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_face >= self.max_face:
            raise ValueError(f"min_face: {self.min_face} is not below max_face ({self.max_face})")


@dataclass(frozen=True)
class TrackedFace:
    """The participant's face in one frame."""

    status: str
    "`ok`, `no_face`, `several_faces` or `too_small`; only `ok` frames give a face crop."
    box: Box | None
    "The bounding box, pixels of the frame; None unless the status is `ok` or `too_small`."
    score: float
    "Score of the detection; 0 without a face."


# --- One image ----------------------------------------------------------------------------------------


def find_faces(grey: np.ndarray, detector: FaceDetector, params: TrackingParams) -> list[TrackedFace]:
    """Return all faces of one image, (H, W) uint8, the most likely participant first.

    Faces narrower than `params.min_face` are searched for only if there is no other; their status is
    `too_small`. Raises ValueError for an array of another shape or type.
    """
    found = detector.detect(grey, _sizes(grey, params)) or _detect_small(grey, detector, params)
    faces = sorted(found, key=lambda face: -_presence(face, grey.shape))
    return [_tracked(face, grey.shape, params) for face in faces]


def _sizes(grey: np.ndarray, params: TrackingParams, least_px: float = 0.0) -> FaceSizes:
    """Return the face widths to search for; faces narrower than `least_px` are ignored."""
    short = min(grey.shape)
    widest = params.max_face * short
    return FaceSizes(max(params.min_face * short, LEAST_PX, least_px), widest, widest)


def _detect_small(grey: np.ndarray, detector: FaceDetector, params: TrackingParams) -> list[Detection]:
    """Search for faces narrower than `params.min_face`; this is the most expensive search."""
    sizes = _sizes(grey, params)
    small = FaceSizes(max(sizes.smallest_px / 2, LEAST_PX), sizes.smallest_px, sizes.accepted_px)
    return detector.detect(grey, small, fallback=Fallback.NEVER)


def _presence(face: Detection, shape: tuple[int, ...]) -> float:
    """Return the presence of a face: its share of the frame's area, halved towards the corners."""
    height, width = shape
    x, y = face.box.centre
    off = hypot(x - width / 2, y - height / 2) / hypot(width / 2, height / 2)
    return face.box.w * face.box.h / (height * width) * (1 - off / 2)


def _rival_px(face: Detection, shape: tuple[int, ...], params: TrackingParams) -> float:
    """Return the width from which a face in the centre of the frame would rival this one."""
    return (params.rival_share * _presence(face, shape) * shape[0] * shape[1]) ** 0.5


def _tracked(face: Detection, shape: tuple[int, ...], params: TrackingParams) -> TrackedFace:
    enough = face.box.w >= params.min_face * min(shape)
    return TrackedFace(OK if enough else TOO_SMALL, face.box, face.score)


# --- One clip -----------------------------------------------------------------------------------------


class _Observation(NamedTuple):
    face: Detection
    tracked: TrackedFace
    presence: float


_Track = dict[int, _Observation]  # by position of the frame


def track(
    frames: Sequence[np.ndarray], times_s: Sequence[float], detector: FaceDetector, params: TrackingParams
) -> list[TrackedFace]:
    """Return the participant's face in every frame of one clip.

    Args:
        frames: Grey, (H, W) uint8 each, in time order; read one at a time, about once each.
        times_s: The time of each frame, seconds.
        detector: Detects the faces.
        params: Which faces are tracked, and which is the participant's.

    Returns:
        One result per frame.

    Raises:
        ValueError: The numbers of frames and times differ.
    """
    if len(frames) != len(times_s):
        raise ValueError(f"{len(frames)} frames but {len(times_s)} times")
    persons = _persons(_Tracker(detector, params).run(frames, times_s), times_s)
    persons = [p for p in persons if _is_credible(p, len(frames), detector, params)]
    nothing = [TrackedFace(NO_FACE, None, 0.0)] * len(frames)
    if not persons:
        return nothing
    if len(persons) > 1 and _rivalry(persons[1], persons[0]) >= params.rival_share:
        return _undecided(persons, nothing)
    participant = _filled_back(persons[0], frames, detector, params)
    return _smoothed([participant[i].tracked if i in participant else no for i, no in enumerate(nothing)])


class _Tracker:
    """Tracks every face of one clip from frame to frame; a face that is found again begins a new track."""

    def __init__(self, detector: FaceDetector, params: TrackingParams) -> None:
        self.detector, self.params = detector, params
        self.tracks: dict[int, _Track] = {}
        self.weights: dict[int, float] = {}
        "Presence of each face, summed over the frames so far."
        self.current: dict[int, Detection] = {}
        self.searched_s = -inf

    def run(self, frames: Sequence[np.ndarray], times_s: Sequence[float]) -> list[_Track]:
        """Return the tracks of all faces, in the order in which they began."""
        for i, time_s in enumerate(times_s):
            grey = frames[i]
            found = self._redetected(grey)
            # The most present face must not be lost to a bystander's that is easier to detect.
            main = max(self.weights, key=self.weights.__getitem__, default=None)
            missed = main is not None and main not in found
            due = time_s - self.searched_s >= self.params.full_search_every_s - _TOLERANCE_S
            if due or missed or not found:
                self.searched_s = time_s if due else self.searched_s
                new = self._search(grey, found, main, due=due)
                found |= {len(self.tracks) + n: face for n, face in enumerate(new)}
                if main is not None and missed:
                    self._hand_over(main, found)
            self._record(i, found, grey.shape)
        return list(self.tracks.values())

    def _hand_over(self, lost: int, found: dict[int, Detection]) -> None:
        """Give the presence of a lost track to the newest face of about its size, which may continue it."""
        width = self.tracks[lost][max(self.tracks[lost])].face.box.w
        similar = [k for k, face in found.items() if 1 / _SAME_SIZE <= face.box.w / width <= _SAME_SIZE]
        if similar:
            self.weights[max(similar)] = self.weights.pop(lost)

    def _redetected(self, grey: np.ndarray) -> dict[int, Detection]:
        """Detect each tracked face again; if two tracks meet, the older one continues."""
        found: dict[int, Detection] = {}
        for k, last in self.current.items():
            face = _near(grey, last.box, self.detector, self.params)
            if face and not face.box.is_any_of(other.box for other in found.values()):
                found[k] = face
        return found

    def _search(
        self, grey: np.ndarray, found: dict[int, Detection], main: int | None, *, due: bool
    ) -> list[Detection]:
        """Search the whole frame for faces that are not tracked yet."""
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

    def _record(self, position: int, found: dict[int, Detection], shape: tuple[int, ...]) -> None:
        for k, face in found.items():
            observation = _observed(face, shape, self.params)
            self.tracks.setdefault(k, {})[position] = observation
            self.weights[k] = self.weights.get(k, 0) + observation.presence
        self.current = found


def _near(grey: np.ndarray, last: Box, detector: FaceDetector, params: TrackingParams) -> Detection | None:
    return detector.detect_near(grey, last, params.max_face * min(grey.shape))


def _observed(face: Detection, shape: tuple[int, ...], params: TrackingParams) -> _Observation:
    return _Observation(face, _tracked(face, shape, params), _presence(face, shape))


def _weight(person: _Track) -> float:
    return sum(observation.presence for observation in person.values())


def _rivalry(second: _Track, first: _Track) -> float:
    """Return the ratio of two presences per frame; lower if the second person is in fewer frames."""
    typical = (_weight(second) / len(second)) / (_weight(first) / len(first))
    return typical * min(1, len(second) / len(first))


def _persons(tracks: Iterable[_Track], times_s: Sequence[float]) -> list[_Track]:
    """Join the tracks that can belong to one person; the most present person first."""
    persons: list[_Track] = []
    for piece in sorted(tracks, key=_weight, reverse=True):
        for person in persons:
            if _is_same_person(person, piece, times_s):
                person.update(piece)
                break
        else:
            persons.append(dict(piece))
    return sorted(persons, key=_weight, reverse=True)


def _is_same_person(person: _Track, piece: _Track, times_s: Sequence[float]) -> bool:
    """Return whether a track fits a person: never in the same frame, of similar size, within reach."""
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
    mean = sum(observation.face.score for observation in person.values()) / len(person)
    return len(person) >= min(params.min_detections, frames) and mean >= detector.min_score


def _undecided(persons: list[_Track], nothing: list[TrackedFace]) -> list[TrackedFace]:
    several = TrackedFace(SEVERAL_FACES, None, 0.0)
    return [several if any(i in person for person in persons[:2]) else no for i, no in enumerate(nothing)]


def _filled_back(
    person: _Track, frames: Sequence[np.ndarray], detector: FaceDetector, params: TrackingParams
) -> _Track:
    """Track the participant backwards from each appearance.

    While another face is tracked, an appearance is detected only by the next full search.
    """
    filled = dict(person)
    for start in sorted(i for i in person if i - 1 not in person):
        for i in range(start - 1, -1, -1):
            if i in filled:
                break
            face = _near(frames[i], filled[i + 1].face.box, detector, params)
            if face is None:
                break
            filled[i] = _observed(face, frames[i].shape, params)
    return filled


def _smoothed(faces: Sequence[TrackedFace]) -> list[TrackedFace]:
    """Average each box with those of the frames before and after (weights 1 2 1).

    Detected boxes jitter by some percent even if the head is still. Movement at constant speed is unchanged.
    A box is left as it is if the head jumps or an adjacent frame has no box.
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
