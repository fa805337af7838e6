"""What became of every sampled frame of a clip, read from what the stages wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from pipeline.runtime.errors import EmoError
from pipeline.runtime.parquet import read_parquet
from pipeline.runtime.paths import FACES
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name, read_dataset_shard
from pipeline.schema.faces import FACES_SCHEMA, OK, STATUSES
from pipeline.schema.participants import Participant
from pipeline.versions.trace.records import Records

IMAGE, DUPLICATE, OTHER_CLASS, WITHDRAWN, NOT_BUILT = (
    "image",
    "duplicate",
    "other_class",
    "withdrawn",
    "not_built",
)
FATES = (
    IMAGE,
    DUPLICATE,
    *(status for status in STATUSES if status != OK),
    OTHER_CLASS,
    WITHDRAWN,
    NOT_BUILT,
)
"""What can become of a sampled frame that could be decoded."""

_REASONS = {
    "no_face": "no face was found in it",
    "several_faces": "several faces: nobody can tell who is meant",
    "too_small": "the face is too small (faces.search.min_face)",
    "blurred": "the face is blurred (faces.crop.min_sharpness)",
    OTHER_CLASS: "its expression is not among dataset.expressions",
    WITHDRAWN: "consent is withdrawn",
    NOT_BUILT: "nothing speaks against it, but the dataset was built without it; run `dvc repro`",
}


@dataclass(frozen=True)
class Near:
    """Another face and how far it is."""

    name: str
    "of its image"
    distance: int
    "bits of 256"

    def __str__(self) -> str:
        return f"{self.name} at {self.distance} bits"


@dataclass(frozen=True)
class Frame:
    """One sampled frame and what became of it."""

    clip: str
    frame: int
    "index in the recording"
    time_s: float
    "in the recording"
    status: str
    "what the stage faces said"
    box: tuple[float, float, float, float] | None
    "(x, y, w, h) of the face in source pixels"
    score: float
    "search windows that agree on the face"
    sharpness: float | None
    "variance of the Laplacian of its crop"
    fate: str
    "one of FATES"
    leader: Near | None = None
    "the image that stands for it, where it is a duplicate"
    followers: tuple[Near, ...] = ()
    "the near-duplicates that it stands for"
    is_compared: bool = True
    "whether near-duplicates collapsed (dedup.collapse)"

    @property
    def name(self) -> str:
        """The name by which its image is known."""
        return image_name(self.clip, self.frame)

    @property
    def reason(self) -> str:
        """Why it is an image of the dataset, or not."""
        if self.leader:
            return f"a near-duplicate of {self.leader}"
        if self.fate != IMAGE:
            return _REASONS[self.fate]
        if self.followers:
            return f"stands for {len(self.followers)} more"
        return "like no other" if self.is_compared else "kept like all: dedup.collapse is false"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        numbers = {key: getattr(self, key) for key in ("frame", "time_s", "status", "score", "sharpness")}
        box = dict(zip("xywh", self.box, strict=True)) if self.box else None
        leader = {"duplicate_of": vars(self.leader) if self.leader else None}
        followers = {"stands_for": [vars(near) for near in self.followers]}
        return {
            "name": self.name,
            **numbers,
            "box": box,
            "fate": self.fate,
            "reason": self.reason,
            **leader,
            **followers,
        }


@dataclass(frozen=True)
class Story:
    """One clip, whose it is, and its sampled frames."""

    clip: Clip
    person: Participant
    withdrawn: bool
    "whether the participant has withdrawn consent"
    corrupt: int
    "sampled frames that could not be decoded whole; they have no row"
    frames: tuple[Frame, ...]
    "in the order of time"
    labels: Mapping[int, int]
    "frame -> label of the clip's images, as the dataset was built"
    classes: tuple[str, ...]
    "by label; empty where the subject has no image"

    def counts(self) -> dict[str, int]:
        """Return the number of frames by fate, only those that occur, and of damaged ones."""
        fates = [frame.fate for frame in self.frames]
        return {fate: fates.count(fate) for fate in FATES if fate in fates} | {"damaged": self.corrupt}

    def at(self, number: int) -> Frame:
        """Return one sampled frame; raise EmoError with its neighbours where it was not sampled."""
        for frame in self.frames:
            if frame.frame == number:
                return frame
        near = sorted(self.frames, key=lambda frame: abs(frame.frame - number))[:2]
        around = " and ".join(str(frame.frame) for frame in sorted(near, key=lambda frame: frame.frame))
        raise EmoError(
            f"{image_name(self.clip.clip, number)}: frame {number} of the clip was not sampled (near it: "
            f"{around or 'none'}); `emo trace {self.clip.clip}` lists those that were"
        )


def read_story(clip: Clip, records: Records) -> Story:
    """Read what became of a clip; raise EmoError where it is not built, or gone as its subject withdrew."""
    path, withdrawn = FACES / f"{clip.clip}.parquet", clip.subject in records.withdrawn
    if withdrawn and not path.is_file():
        raise EmoError(f"{clip.clip}: {clip.subject} has withdrawn consent; nothing of the clip is kept")
    columns = [name for name in FACES_SCHEMA.names if name not in ("png", "hash")]
    rows = read_parquet(records.stored(path), FACES_SCHEMA, columns).to_pylist()
    labels, classes = _labels(clip, records)
    corrupt, person = int(read_facts(path)["corrupt"]), records.people[clip.subject]
    story = Story(clip, person, withdrawn, corrupt, (), labels, classes)
    leaders, followers = _leaders(clip, records.duplicates), _followers(clip, records.duplicates)
    wanted = clip.expression in records.settings("dataset")["dataset.expressions"]
    is_compared = records.settings("dedup").get("dedup.collapse", True)
    frames = [_frame(row, story, leaders.get(row["frame"]), wanted) for row in rows]
    told = tuple(
        replace(frame, followers=followers.get(frame.name, ()), is_compared=is_compared) for frame in frames
    )
    return replace(story, frames=told)


def _frame(row: Mapping[str, Any], story: Story, leader: Near | None, wanted: bool) -> Frame:
    box = None if row["x"] is None else (row["x"], row["y"], row["w"], row["h"])
    own = {name: row[name] for name in ("frame", "time_s", "status", "score", "sharpness")}
    fate = _fate(row, story, leader, wanted)
    return Frame(story.clip.clip, box=box, fate=fate, leader=leader, **own)


def _fate(row: Mapping[str, Any], story: Story, leader: Near | None, wanted: bool) -> str:
    if row["status"] != OK:
        return str(row["status"])
    if leader:
        return DUPLICATE
    if row["frame"] in story.labels:
        return IMAGE
    if story.withdrawn:
        return WITHDRAWN
    return NOT_BUILT if wanted else OTHER_CLASS


def _labels(clip: Clip, records: Records) -> tuple[dict[int, int], tuple[str, ...]]:
    """Return the labels of a clip's images by frame, and the classes; empty where there is none."""
    if clip.subject not in records.shards:
        return {}, ()
    path = records.stored(records.shards[clip.subject])
    shard = read_dataset_shard(path, ["label", "clip", "frame"])
    labels = {row["frame"]: row["label"] for row in shard.rows() if row["clip"] == clip.clip}
    return labels, shard.classes


def _leaders(clip: Clip, duplicates: pa.Table) -> dict[int, Near]:
    """Return, by frame of a clip, the image that stands for it."""
    mine = [row for row, name in enumerate(duplicates["clip"].to_pylist()) if name == clip.clip]
    found = {row["frame"]: row for row in _rows(duplicates, mine) if not row["kept"]}
    return {frame: Near(row["duplicate_of"], row["distance"]) for frame, row in found.items()}


def _followers(clip: Clip, duplicates: pa.Table) -> dict[str, tuple[Near, ...]]:
    """Return, by image of a clip, the near-duplicates that it stands for, also those of other views."""
    names = enumerate(duplicates["duplicate_of"].to_pylist())
    mine = [row for row, name in names if name and name.startswith(f"{clip.clip}_")]
    found: dict[str, tuple[Near, ...]] = {}
    for row in _rows(duplicates, mine):
        near = Near(image_name(row["clip"], row["frame"]), row["distance"])
        found[row["duplicate_of"]] = (*found.get(row["duplicate_of"], ()), near)
    return found


def _rows(table: pa.Table, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return some rows of a table; Arrow's own filters load pandas, which takes longer than all else here."""
    return [{name: table[name][number].as_py() for name in table.column_names} for number in numbers]
