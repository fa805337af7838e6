"""The outcome of every sampled frame of a clip, read from the outputs of the stages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from pipeline.runtime.errors import ConsentError, EmoError
from pipeline.runtime.text import counted
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name, read_dataset_shard
from pipeline.schema.faces import BLURRED, FACES_SCHEMA, OK, STATUSES, TOO_SMALL, faces_path, read_faces
from pipeline.schema.funnel import STATUS_MEANINGS
from pipeline.schema.participants import NOTED, Participant, may_be_shown
from pipeline.versions.trace.records import Records

IMAGE, DUPLICATE = "image", "duplicate"
OTHER_CLASS, NO_CONSENT, WITHDRAWN, NOT_BUILT = "other_class", "no_consent", "withdrawn", "not_built"

OUTCOMES = (
    *(IMAGE, DUPLICATE),
    *(status for status in STATUSES if status != OK),
    *(OTHER_CLASS, NO_CONSENT, WITHDRAWN, NOT_BUILT),
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

    @property
    def name(self) -> str:
        """The name of its image."""
        return image_name(self.clip, self.frame)

    @property
    def reason(self) -> str:
        """Why it is an image of the dataset, or not."""
        if self.leader:
            return f"a near-duplicate of {self.leader}"
        if self.outcome == IMAGE:
            if self.followers:
                return f"kept in place of {counted(len(self.followers), 'near-duplicate')}"
            return "no near-duplicates" if self.is_collapsed else "all are kept: dedup.collapse is false"
        if self.outcome in _REASONS:
            return _REASONS[self.outcome]
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
    corrupt, participant = int(read_facts(path)["corrupt"]), records.participants[clip.subject]
    traced = ClipTrace(clip, participant, withdrawn, corrupt, (), labels, classes)
    leaders, followers = _leaders(clip, records.duplicates), _followers(clip, records.duplicates)
    otherwise = _without_image(traced, records.settings("dataset"))
    is_collapsed = records.settings("dedup").get("dedup.collapse", True)
    frames = [_frame(row, traced, leaders.get(row["frame"]), otherwise) for row in rows]
    return replace(
        traced,
        frames=tuple(
            replace(frame, followers=followers.get(frame.name, ()), is_collapsed=is_collapsed)
            for frame in frames
        ),
    )


def _frame(row: Mapping[str, Any], traced: ClipTrace, leader: Near | None, otherwise: str) -> Frame:
    box = None if row["x"] is None else (row["x"], row["y"], row["w"], row["h"])
    own = {name: row[name] for name in ("frame", "time_s", "status", "score", "sharpness")}
    outcome = _outcome(row, traced, leader, otherwise)
    return Frame(traced.clip.clip, box=box, outcome=outcome, leader=leader, **own)


def _outcome(row: Mapping[str, Any], traced: ClipTrace, leader: Near | None, otherwise: str) -> str:
    if row["status"] != OK:
        return str(row["status"])
    if leader:
        return DUPLICATE
    if row["frame"] in traced.labels:
        return IMAGE
    return otherwise


def _without_image(traced: ClipTrace, settings: Mapping[str, Any]) -> str:
    """Return why the accepted faces of a clip that are no near-duplicates are no images."""
    if traced.withdrawn:
        return WITHDRAWN
    if not may_be_shown(traced.participant, settings.get("dataset.consent", NOTED)):
        return NO_CONSENT
    return NOT_BUILT if traced.clip.expression in settings["dataset.expressions"] else OTHER_CLASS


def _labels(clip: Clip, records: Records) -> tuple[dict[int, int], tuple[str, ...]]:
    """Return the labels of a clip's images by frame, and the classes; empty if there is none."""
    if clip.subject not in records.shards:
        return {}, ()
    path = records.stored(records.shards[clip.subject])
    shard = read_dataset_shard(path, ["label", "clip", "frame"])
    labels = {row["frame"]: row["label"] for row in shard.rows() if row["clip"] == clip.clip}
    return labels, shard.classes


def _leaders(clip: Clip, duplicates: pa.Table) -> dict[int, Near]:
    """Return, by frame of a clip, the kept image of which it is a near-duplicate."""
    own = [row for row, name in enumerate(duplicates["clip"].to_pylist()) if name == clip.clip]
    dropped = {row["frame"]: row for row in _rows(duplicates, own) if not row["kept"]}
    return {frame: Near(row["duplicate_of"], row["distance"]) for frame, row in dropped.items()}


def _followers(clip: Clip, duplicates: pa.Table) -> dict[str, tuple[Near, ...]]:
    """Return, by image of a clip, the near-duplicates dropped in favour of it, also those of other views."""
    names = enumerate(duplicates["duplicate_of"].to_pylist())
    own = [row for row, name in names if name and name.startswith(f"{clip.clip}_")]
    found: dict[str, tuple[Near, ...]] = {}
    for row in _rows(duplicates, own):
        near = Near(image_name(row["clip"], row["frame"]), row["distance"])
        found[row["duplicate_of"]] = (*found.get(row["duplicate_of"], ()), near)
    return found


def _rows(table: pa.Table, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return rows of a table by number; Arrow's own filters load pandas, which takes longer than the rest."""
    return [{name: table[name][number].as_py() for name in table.column_names} for number in numbers]
