"""What holds by the ledger of decisions: the label of each clip, and which of its moments are excluded.

The last exclude or include that covers a moment decides whether it is in; the last relabel of a clip decides
its label. A decision with a stretch covers these seconds of its recording, whatever clips are cut from it. A
decision without a stretch covers the clip with its id; if the recording no longer has a clip with this id,
but a single clip (it was renamed, or enrolled again), it covers that one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.schema.clips import Clip
from pipeline.schema.decisions import EXCLUDE, Decision, read_decisions


@dataclass(frozen=True)
class Stretch:
    """A stretch of a clip, and the last decision that covers it."""

    start_s: float
    "Seconds of the recording."
    end_s: float
    "Seconds of the recording, exclusive."
    decision: Decision


@dataclass(frozen=True)
class Ledger:
    """The decisions about the clips of one version."""

    decisions: tuple[Decision, ...] = ()
    "All decisions in the order of entry."
    by_clip: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)
    "Clip -> decisions that cover it or a part of it, in the order of entry."

    def of(self, clip: Clip) -> tuple[Decision, ...]:
        """Return the decisions that cover a clip or a part of it, in the order of entry."""
        return self.by_clip.get(clip.clip, ())

    @property
    def unmatched(self) -> list[Decision]:
        """The decisions that cover no clip."""
        matched = {row.decision for rows in self.by_clip.values() for row in rows}
        return [row for row in self.decisions if row.decision not in matched]

    def relabel_of(self, clip: Clip) -> Decision | None:
        """Return the decision that decides the label of a clip; None if none does."""
        return _last(row for row in self.of(clip) if row.decides_label)

    def label(self, clip: Clip) -> str:
        """Return the effective expression of a clip: as relabelled, else as asked."""
        decision = self.relabel_of(clip)
        return decision.value if decision else clip.expression

    def labelled(self, clips: Iterable[Clip]) -> list[Clip]:
        """Return the clips with their effective expressions."""
        return [replace(clip, expression=self.label(clip)) for clip in clips]

    def excluded_by(self, clip: Clip, time_s: float) -> Decision | None:
        """Return the decision that excludes a moment of a clip; None if the moment is in.

        Times are compared in whole milliseconds, as emo prints them.
        """
        last = _last(row for row in self.of(clip) if not row.decides_label and _covers(row, time_s))
        return last if last and last.action == EXCLUDE else None

    def decided(self, clip: Clip) -> list[Stretch]:
        """Return the stretches of a clip that decisions exclude or include, in the order of time."""
        rows = [row for row in self.of(clip) if not row.decides_label]
        if not rows:
            return []
        start_s, end_s = bounds(clip)
        inner = {time for row in rows for time in (row.start_s, row.end_s) if time is not None}
        cuts = sorted({start_s, *(time for time in inner if start_s < time < end_s)})
        found: list[Stretch] = []
        for start, end in zip(cuts, [*cuts[1:], end_s], strict=True):
            decision = _last(row for row in rows if _covers(row, start))
            if decision and found and (found[-1].end_s, found[-1].decision) == (start, decision):
                found[-1] = replace(found[-1], end_s=end)
            elif decision:
                found.append(Stretch(start, end, decision))
        return found

    def exclusions(self, clip: Clip) -> list[Stretch]:
        """Return the excluded stretches of a clip, in the order of time."""
        return [one for one in self.decided(clip) if one.decision.action == EXCLUDE]

    def is_excluded(self, clip: Clip, start_s: float | None = None, end_s: float | None = None) -> bool:
        """Return whether every moment of a clip, or of a stretch of it, is excluded."""
        at, end = _clamped(clip, start_s, end_s)
        if at >= end:  # a still image: one moment
            return self.excluded_by(clip, at) is not None
        for stretch in self.exclusions(clip):
            if stretch.start_s <= at < stretch.end_s:
                at = stretch.end_s
        return at >= end

    def has_excluded(self, clip: Clip, start_s: float | None = None, end_s: float | None = None) -> bool:
        """Return whether some moment of a clip, or of a stretch of it, is excluded."""
        start, end = _clamped(clip, start_s, end_s)
        if start >= end:  # a still image: one moment
            return self.excluded_by(clip, start) is not None
        return any(one.start_s < end and start < one.end_s for one in self.exclusions(clip))


def ledger_of(decisions: Sequence[Decision], clips: Iterable[Clip]) -> Ledger:
    """Return the ledger for the clips of one version."""
    by_recording: dict[str, list[Clip]] = {}
    for clip in clips:
        by_recording.setdefault(clip.sha256, []).append(clip)
    found: dict[str, list[Decision]] = {}
    for row in decisions:
        for clip in _covered(row, by_recording.get(row.recording, [])):
            found.setdefault(clip.clip, []).append(row)
    return Ledger(tuple(decisions), {clip: tuple(rows) for clip, rows in found.items()})


def read_ledger(clips: Iterable[Clip]) -> Ledger:
    """Return the ledger of the workspace; `clips` are all enrolled clips."""
    return ledger_of(read_decisions(), clips)


def bounds(clip: Clip) -> tuple[float, float]:
    """Return start and end of a clip in seconds of its recording, both finite."""
    return clip.start_s or 0.0, clip.duration_s if clip.end_s is None else clip.end_s


def _clamped(clip: Clip, start_s: float | None, end_s: float | None) -> tuple[float, float]:
    """Return the part of a stretch that lies within a clip; None means the clip's start or end."""
    first, last = bounds(clip)
    start = first if start_s is None else max(first, start_s)
    return start, last if end_s is None else min(last, end_s)


def _covered(decision: Decision, clips: Sequence[Clip]) -> Iterator[Clip]:
    """Yield the clips of a decision's recording that it covers, or covers a part of."""
    if decision.start_s is not None and decision.end_s is not None:
        for clip in clips:
            start_s, end_s = clip.segment
            if decision.start_s < end_s and start_s < decision.end_s:
                yield clip
        return
    same = [clip for clip in clips if clip.clip == decision.clip]
    yield from same or (clips if len(clips) == 1 else ())


def _covers(decision: Decision, time_s: float) -> bool:
    """Return whether a decision about a clip covers a moment of it."""
    if decision.start_s is None or decision.end_s is None:
        return True
    return decision.start_s <= round(time_s, 3) < decision.end_s


def _last(decisions: Iterable[Decision]) -> Decision | None:
    rows = list(decisions)
    return rows[-1] if rows else None
