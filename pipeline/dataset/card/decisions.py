"""What raters decided about one version of the dataset, counted by reason; raters are counted, not named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.runtime.text import counted
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import Decision
from pipeline.schema.ledger import Ledger


@dataclass(frozen=True)
class ExcludedFor:
    """What is excluded for one reason."""

    reason: str
    clips: int
    "Number of clips that are excluded, or a stretch of which is."
    frames: int
    "Number of accepted faces that are left out."

    def __str__(self) -> str:
        return f"{self.reason} ({counted(self.clips, 'clip')}, {counted(self.frames, 'frame')})"


@dataclass(frozen=True)
class RelabelledFor:
    """The clips that are relabelled alike for one reason."""

    before: str
    "Expression as asked."
    after: str
    reason: str
    clips: int

    def __str__(self) -> str:
        return f"{self.before} to {self.after}, {self.reason} ({counted(self.clips, 'clip')})"


@dataclass(frozen=True)
class DecisionCounts:
    """The decisions that hold, by reason."""

    excluded: tuple[ExcludedFor, ...] = ()
    excluded_clips: int = 0
    "Number of clips with an excluded stretch; one may be excluded for several reasons."
    relabelled: tuple[RelabelledFor, ...] = ()
    raters: int = 0
    "Number of different raters of these decisions."
    unrated: int = 0
    "Number of these decisions without a rater."

    @property
    def exclusions(self) -> str:
        """The excluded frames by reason, in a sentence without its end; empty if there are none."""
        frames = counted(sum(one.frames for one in self.excluded), "frame")
        head = f"{frames} of {counted(self.excluded_clips, 'clip')}"
        return f"{head}: {', '.join(map(str, self.excluded))}" if self.excluded else ""

    @property
    def relabellings(self) -> str:
        """The relabelled clips by reason, in a sentence without its end; empty if there are none."""
        head = counted(sum(one.clips for one in self.relabelled), "clip")
        return f"{head}: {'; '.join(map(str, self.relabelled))}" if self.relabelled else ""

    @property
    def deciders(self) -> str:
        """How many raters decided, in words."""
        named = counted(self.raters, "rater")
        if not self.unrated:
            return named
        unnamed = f"{counted(self.unrated, 'decision')} without a rater"
        return f"{named}, {unnamed}" if self.raters else unnamed


def count_decisions(
    clips: Sequence[Clip], ledger: Ledger, excluded: Mapping[str, Mapping[int, Decision]]
) -> DecisionCounts:
    """Count the decisions that hold by reason.

    Args:
        clips: The clips of the dataset, with their expressions as asked.
        ledger: The ledger for these clips.
        excluded: Clip -> frame -> the decision that excludes this accepted face.
    """
    stretches = {clip.clip: [one.decision for one in ledger.exclusions(clip)] for clip in clips}
    relabels = [(clip, row) for clip in clips if (row := ledger.relabel_of(clip))]
    relabels = [(clip, row) for clip, row in relabels if row.value != clip.expression]
    in_force = {row for rows in stretches.values() for row in rows} | {row for _, row in relabels}
    return DecisionCounts(
        excluded=tuple(_excluded(stretches, excluded)),
        excluded_clips=sum(map(bool, stretches.values())),
        relabelled=tuple(_relabelled(relabels)),
        raters=len({row.rater for row in in_force} - {""}),
        unrated=sum(not row.rater for row in in_force),
    )


def _excluded(
    stretches: Mapping[str, Sequence[Decision]], excluded: Mapping[str, Mapping[int, Decision]]
) -> list[ExcludedFor]:
    clips: dict[str, set[str]] = {}
    for clip, rows in stretches.items():
        for row in rows:
            clips.setdefault(row.reason, set()).add(clip)
    reasons = [row.reason for frames in excluded.values() for row in frames.values()]
    found = [ExcludedFor(reason, len(names), reasons.count(reason)) for reason, names in clips.items()]
    return sorted(found, key=lambda one: (-one.frames, -one.clips, one.reason))


def _relabelled(relabels: Iterable[tuple[Clip, Decision]]) -> list[RelabelledFor]:
    changes = [(clip.expression, row.value, row.reason) for clip, row in relabels]
    return [RelabelledFor(*change, changes.count(change)) for change in sorted(set(changes))]
