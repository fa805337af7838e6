"""Which accepted faces become images, after decisions and near-duplicates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name
from pipeline.schema.decisions import Decision
from pipeline.schema.duplicates import read_duplicates
from pipeline.schema.faces import OK, read_faces
from pipeline.schema.ledger import Ledger

Key = tuple[str, int]
"""Clip and frame of a face."""


@dataclass(frozen=True)
class Selection:
    """Which accepted faces do not become images, and why. All others do, if their class is wanted."""

    excluded: Mapping[str, Mapping[int, Decision]] = field(default_factory=dict)
    "Clip -> frame -> the decision that excludes it."
    leaders: Mapping[Key, Key] = field(default_factory=dict)
    "Near-duplicate -> the face that represents it. Excluded faces are not listed."

    def excluded_of(self, clip: str) -> Mapping[int, Decision]:
        """Return the excluded frames of a clip, each with the decision that excludes it."""
        return self.excluded.get(clip, {})

    def duplicates_of(self, clip: str) -> frozenset[int]:
        """Return the frames of a clip that are near-duplicates of a face that is kept."""
        return self._duplicates.get(clip, frozenset())

    @cached_property
    def _duplicates(self) -> dict[str, frozenset[int]]:
        frames: dict[str, set[int]] = {}
        for clip, frame in self.leaders:
            frames.setdefault(clip, set()).add(frame)
        return {clip: frozenset(found) for clip, found in frames.items()}


def select(clips: Iterable[Clip], ledger: Ledger) -> Selection:
    """Return the selection by data/duplicates.parquet, data/faces and the ledger.

    If a decision excludes the face that represents a group of near-duplicates, the sharpest face of the group
    that is not excluded takes its place; otherwise excluding one blink would empty a whole performance.
    """
    excluded = {clip.clip: found for clip in clips if (found := excluded_frames(clip, ledger))}
    rows = read_duplicates(["clip", "frame", "duplicate_of"]).to_pylist()
    return Selection(excluded, leaders_of(rows, excluded))


def excluded_frames(clip: Clip, ledger: Ledger) -> dict[int, Decision]:
    """Return the accepted faces of a clip that decisions exclude, by frame."""
    if not ledger.exclusions(clip):
        return {}
    rows = read_faces(clip.clip, ["frame", "time_s", "status"]).to_pylist()
    found = {row["frame"]: ledger.excluded_by(clip, row["time_s"]) for row in rows if row["status"] == OK}
    return {frame: decision for frame, decision in found.items() if decision}


def leaders_of(
    rows: Sequence[Mapping[str, Any]], excluded: Mapping[str, Mapping[int, Decision]]
) -> dict[Key, Key]:
    """Return for each near-duplicate that is not excluded the face that represents it.

    `rows` are those of data/duplicates.parquet.
    """
    keys = {image_name(row["clip"], row["frame"]): (row["clip"], row["frame"]) for row in rows}
    groups: dict[Key, list[Key]] = {}
    for row in rows:
        if row["duplicate_of"]:
            groups.setdefault(keys[row["duplicate_of"]], []).append((row["clip"], row["frame"]))
    leaders: dict[Key, Key] = {}
    for leader, followers in groups.items():
        left = [key for key in followers if key[1] not in excluded.get(key[0], {})]
        if leader[1] in excluded.get(leader[0], {}) and left:
            leader = _sharpest(left)
        leaders |= {key: leader for key in left if key != leader}
    return leaders


def _sharpest(faces: Sequence[Key]) -> Key:
    """Return the sharpest face; of equally sharp ones the first by clip and frame, as in the stage dedup."""
    sharpness: dict[Key, float] = {}
    for clip in {clip for clip, _ in faces}:
        rows = read_faces(clip, ["frame", "sharpness"]).to_pylist()
        sharpness |= {(clip, row["frame"]): row["sharpness"] for row in rows}
    return min(faces, key=lambda key: (-sharpness[key], key))
