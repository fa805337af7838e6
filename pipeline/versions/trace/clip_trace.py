"""The outcome of every sampled frame of a clip, read from the outputs of the stages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from pipeline.dataset.images.selection import Key
from pipeline.runtime.errors import ConsentError, EmoError
from pipeline.runtime.text import counted
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name, read_dataset_shard
from pipeline.schema.decisions import Decision
from pipeline.schema.faces import (
    BLURRED,
    FACES_SCHEMA,
    OK,
    STATUSES,
    TOO_SMALL,
    faces_path,
    largest_min_face,
    read_faces,
)
from pipeline.schema.funnel import STATUS_MEANINGS
from pipeline.schema.participants import NOTED, Participant, may_be_shown
from pipeline.versions.trace.records import Records

IMAGE, DUPLICATE = "image", "duplicate"
EXCLUDED, OTHER_CLASS, NO_CONSENT = "excluded", "other_class", "no_consent"
WITHDRAWN, NOT_BUILT = "withdrawn", "not_built"

OUTCOMES = (
    *(IMAGE, DUPLICATE),
    *(status for status in STATUSES if status != OK),
    *(EXCLUDED, OTHER_CLASS, NO_CONSENT, WITHDRAWN, NOT_BUILT),
)
"""The possible outcomes of a sampled frame that could be decoded."""

_REASONS = {
    WITHDRAWN: "consent is withdrawn",
    NOT_BUILT: "accepted, but missing from the dataset as it was built; run `dvc repro`",
}

_SETTINGS = {
    TOO_SMALL: "faces.tracking.min_face",
    BLURRED: "faces.crop.min_sharpness",
    OTHER_CLASS: "dataset.expressions",
    NO_CONSENT: "dataset.consent",
}
"""The setting that decides about an outcome."""


@dataclass(frozen=True)
class Near:
    """A near-duplicate and its distance."""

    name: str
    "Name of its image."
    distance: int
    "Bits of 256."

    def __str__(self) -> str:
        return f"{self.name} at {self.distance} bits"


@dataclass(frozen=True)
class Frame:
    """One sampled frame and its outcome."""

    clip: str
    frame: int
    "Index in the recording."
    time_s: float
    "Seconds in the recording."
    status: str
    "By data/faces."
    box: tuple[float, float, float, float] | None
    "(x, y, w, h) of the face in source pixels."
    score: float
    "Search windows that agree on the face."
    sharpness: float | None
    "Variance of the Laplacian of the face crop."
    outcome: str
    "One of OUTCOMES."
    leader: Near | None = None
    "The kept image, if this is a near-duplicate of it."
    followers: tuple[Near, ...] = ()
    "The near-duplicates that were dropped in favour of this image."
    is_collapsed: bool = True
    "Whether near-duplicates were dropped (dedup.collapse)."
    decision: Decision | None = None
    "The decision that excludes it."
    min_face: float = 0.0
    "The largest setting `min_face` that accepts the face; 0 unless it is too small."

    @property
    def name(self) -> str:
        """The name of its image."""
        return image_name(self.clip, self.frame)

    @property
    def reason(self) -> str:
        """Why it is an image of the dataset, or not."""
        if self.outcome == EXCLUDED and self.decision:
            return f"excluded by {decision_text(self.decision)}"
        if self.leader:
            return f"a near-duplicate of {self.leader}"
        if self.outcome == IMAGE:
            if self.followers:
                return f"kept in place of {counted(len(self.followers), 'near-duplicate')}"
            return "no near-duplicates" if self.is_collapsed else "all are kept: dedup.collapse is false"
        if self.outcome in _REASONS:
            return _REASONS[self.outcome]
        if self.min_face:
            return f"{STATUS_MEANINGS[TOO_SMALL]} ({_SETTINGS[TOO_SMALL]}: {self.min_face:g} keeps it)"
        meaning, setting = STATUS_MEANINGS[self.outcome], _SETTINGS.get(self.outcome)
        return f"{meaning} ({setting})" if setting else meaning

    def as_json(self) -> dict[str, Any]:
        """Return plain values; the keys are a contract."""
        return {
            "name": self.name,
            "frame": self.frame,
            "time_s": self.time_s,
            "status": self.status,
            "score": self.score,
            "sharpness": self.sharpness,
            "box": dict(zip("xywh", self.box, strict=True)) if self.box else None,
            "fate": self.outcome,
            "reason": self.reason,
            "duplicate_of": vars(self.leader) if self.leader else None,
            "stands_for": [vars(near) for near in self.followers],
            "decision": decision_json(self.decision),
        }


@dataclass(frozen=True)
class ClipTrace:
    """One clip, its participant, and its sampled frames."""

    clip: Clip
    participant: Participant
    withdrawn: bool
    "Whether the participant has withdrawn consent."
    corrupt: int
    "Sampled frames that could not be decoded completely; they have no row."
    frames: tuple[Frame, ...]
    "In the order of time."
    expression: str
    "Effective expression: as relabelled by a decision, else as asked."
    relabel: Decision | None
    "The decision that decides the label."
    labels: Mapping[int, int]
    "Frame -> label of the clip's images, as the dataset was built."
    classes: tuple[str, ...]
    "By label; empty if the subject has no image."

    def counts(self) -> dict[str, int]:
        """Return the number of frames by outcome, only those that occur, and of damaged frames."""
        outcomes = [frame.outcome for frame in self.frames]
        counts = {outcome: outcomes.count(outcome) for outcome in OUTCOMES if outcome in outcomes}
        return counts | {"damaged": self.corrupt}

    def at(self, number: int) -> Frame:
        """Return one sampled frame; raise EmoError with the nearest ones if it was not sampled."""
        for frame in self.frames:
            if frame.frame == number:
                return frame
        nearest = sorted((frame.frame for frame in self.frames), key=lambda other: abs(other - number))[:2]
        around = " and ".join(map(str, sorted(nearest)))
        raise EmoError(
            f"{image_name(self.clip.clip, number)}: frame {number} of the clip was not sampled (nearest: "
            f"{around or 'none'}); `emo trace {self.clip.clip}` lists the sampled frames"
        )


def read_clip_trace(clip: Clip, records: Records) -> ClipTrace:
    """Read the outcome of every sampled frame of a clip.

    Raises NotBuiltError if an output is missing, ConsentError if it was erased because the subject
    withdrew.
    """
    path, withdrawn = faces_path(clip.clip), clip.subject in records.withdrawn
    if withdrawn and not path.is_file():
        raise ConsentError(f"{clip.clip}: {clip.subject} has withdrawn consent; no frames are kept")
    records.stored(path)
    columns = [name for name in FACES_SCHEMA.names if name not in ("png", "hash")]
    rows = read_faces(clip.clip, columns).to_pylist()
    labels, classes = _labels(clip, records)
    corrupt, participant = int(read_facts(path).get("corrupt", 0)), records.participants[clip.subject]
    expression, relabel = records.ledger.label(clip), records.ledger.relabel_of(clip)
    traced = ClipTrace(clip, participant, withdrawn, corrupt, (), expression, relabel, labels, classes)
    near = _near(clip, records)
    return replace(traced, frames=tuple(_frame(row, traced, near, records) for row in rows))


@dataclass(frozen=True)
class _Near:
    """The near-duplicates of a clip's frames, after decisions."""

    leaders: Mapping[int, Near]
    "Frame -> the image of which it is a near-duplicate."
    followers: Mapping[int, tuple[Near, ...]]
    "Frame -> near-duplicates dropped in favour of it, also those of other views."


def _frame(row: Mapping[str, Any], traced: ClipTrace, near: _Near, records: Records) -> Frame:
    number = row["frame"]
    leader = near.leaders.get(number)
    excluded = records.selection.excluded_of(traced.clip.clip).get(number)
    return Frame(
        traced.clip.clip,
        **{name: row[name] for name in ("frame", "time_s", "status", "score", "sharpness")},
        box=None if row["x"] is None else (row["x"], row["y"], row["w"], row["h"]),
        outcome=_outcome(row, traced, records, leader=leader, excluded=excluded),
        leader=leader,
        followers=near.followers.get(number, ()),
        is_collapsed=records.settings("dedup").get("dedup.collapse", True),
        decision=excluded,
        min_face=largest_min_face(row["w"], traced.clip) if row["status"] == TOO_SMALL and row["w"] else 0.0,
    )


def _outcome(
    row: Mapping[str, Any],
    traced: ClipTrace,
    records: Records,
    *,
    leader: Near | None,
    excluded: Decision | None,
) -> str:
    if row["status"] != OK:
        return str(row["status"])
    if row["frame"] in traced.labels:  # as built; a note says if a decision is newer
        return IMAGE
    if traced.withdrawn:
        return DUPLICATE if leader else WITHDRAWN
    if excluded:
        return EXCLUDED
    if leader:
        return DUPLICATE
    settings = records.settings("dataset")
    if not may_be_shown(traced.participant, settings.get("dataset.consent", NOTED)):
        return NO_CONSENT
    return NOT_BUILT if traced.expression in settings["dataset.expressions"] else OTHER_CLASS


def _labels(clip: Clip, records: Records) -> tuple[dict[int, int], tuple[str, ...]]:
    """Return the labels of a clip's images by frame, and the classes; empty if there is none."""
    if clip.subject not in records.shards:
        return {}, ()
    path = records.stored(records.shards[clip.subject])
    shard = read_dataset_shard(path, ["label", "clip", "frame"])
    labels = {row["frame"]: row["label"] for row in shard.rows() if row["clip"] == clip.clip}
    return labels, shard.classes


def _near(clip: Clip, records: Records) -> _Near:
    """Return the near-duplicates of a clip's frames; if a decision excluded an image, of its successor."""
    leaders = records.selection.leaders
    pairs = [(key, leader) for key, leader in leaders.items() if clip.clip in (key[0], leader[0])]
    distances = _distances(pairs, records.duplicates)
    own: dict[int, Near] = {}
    followers: dict[int, tuple[Near, ...]] = {}
    for (key, leader), bits in zip(pairs, distances, strict=True):
        if key[0] == clip.clip:
            own[key[1]] = Near(image_name(*leader), bits)
        if leader[0] == clip.clip:
            followers[leader[1]] = (*followers.get(leader[1], ()), Near(image_name(*key), bits))
    return _Near(own, followers)


def _distances(pairs: Sequence[tuple[Key, Key]], duplicates: pa.Table) -> list[int]:
    """Return the distance of the hashes of each pair, bits."""
    from pipeline.faces.perceptual_hash import hamming, hashes_from_bytes

    if not pairs:
        return []
    wanted = {key for pair in pairs for key in pair}
    keys = list(zip(duplicates["clip"].to_pylist(), duplicates["frame"].to_pylist(), strict=True))
    hashes = {key: duplicates["hash"][row].as_py() for row, key in enumerate(keys) if key in wanted}
    one, other = (hashes_from_bytes([hashes[key] for key in side]) for side in zip(*pairs, strict=True))
    return [int(bits) for bits in hamming(one, other)]


def decision_text(decision: Decision) -> str:
    """Return a decision in words: `decision 3: blink (rater r1, 2026-11-28)`."""
    rater = f"rater {decision.rater}" if decision.rater else "no rater"
    return f"decision {decision.decision}: {decision.reason} ({rater}, {decision.date})"


def decision_json(decision: Decision | None) -> dict[str, Any] | None:
    """Return a decision as plain values; None without one."""
    if decision is None:
        return None
    return {name: getattr(decision, name) for name in ("decision", "reason", "rater", "date")}
