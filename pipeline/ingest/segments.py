"""Segments of recordings: whether they lie within them, and whether they overlap. Touches no files."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from pipeline.ingest.inspection import InspectedFile
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.state import State
from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip

_TOLERANCE_S = 0.1
"""How far a segment may end after the video: tables round, and players show the last frame longer."""

_ROUNDING_S = (0.005, 0.1)
"""Overlap of one frame is rounding, not a contradiction; at least and at most so many seconds."""

_EXACT_S = 1e-6
"""Times are written with six decimals."""


def cut_rounding(
    proposals: Sequence[Proposal], files: Mapping[Path, InspectedFile], state: State
) -> tuple[list[Proposal], list[str]]:
    """Cut touching segments that overlap by rounding: by at most one frame of the recording.

    Of two such segments, the earlier one ends where the later one starts; enrolled clips stay as they are. A
    segment that differs from an enrolled clip only by rounding is that clip.

    Returns:
        The proposals in the same order, and notes.
    """
    enrolled: dict[str, list[Clip]] = defaultdict(list)
    for clip in state.clips:
        enrolled[clip.sha256].append(clip)
    by_file: dict[Path, list[int]] = defaultdict(list)
    for number, proposal in enumerate(proposals):
        by_file[proposal.path].append(number)
    exact, result = list(proposals), list(proposals)
    for path, numbers in by_file.items():
        known = enrolled[files[path].sha256]
        tolerance_s = _tolerance_s(files[path], known)
        own = [_as_enrolled(proposals[number], known, tolerance_s) for number in numbers]
        for number, before, after in zip(numbers, own, _cut(own, known, tolerance_s), strict=True):
            exact[number], result[number] = before, after
    cut = [a.where for a, b in zip(exact, result, strict=True) if a is not b]
    unchanged = [a.where for a, b in zip(proposals, exact, strict=True) if a is not b]
    return result, _notes(cut, unchanged)


def _tolerance_s(file: InspectedFile, enrolled: Sequence[Clip]) -> float:
    """Return by how much segments of a recording may overlap, seconds: by about a frame."""
    fps = enrolled[0].fps if enrolled else file.info.fps if file.info else 0.0
    least_s, most_s = _ROUNDING_S
    return min(max(least_s, 1 / fps if fps else 0.0), most_s) + _EXACT_S


def _notes(cut: Sequence[str], enrolled: Sequence[str]) -> list[str]:
    notes = []
    if cut:
        notes.append(
            f"{listed(cut, 1)}: overlaps its neighbour by rounding (at most one frame); cut where "
            "the later one starts"
        )
    if enrolled:
        notes.append(
            f"{listed(enrolled, 1)}: enrolled already, with times that differ by rounding (at most one "
            "frame); not changed"
        )
    return notes


def _as_enrolled(proposal: Proposal, enrolled: Sequence[Clip], tolerance_s: float) -> Proposal:
    """Return the proposal with the times of the enrolled clip from which it differs only by rounding."""
    for clip in enrolled:
        ends = zip(clip.segment, proposal.segment, strict=True)
        is_close = all(one == other or abs(one - other) <= tolerance_s for one, other in ends)
        is_exact = clip.segment == proposal.segment
        if is_close and not is_exact and clip.label == proposal.label:
            return replace(proposal, start_s=clip.start_s, end_s=clip.end_s)
    return proposal


def _cut(proposals: Sequence[Proposal], enrolled: Sequence[Clip], tolerance_s: float) -> list[Proposal]:
    """Return the proposals of one recording without overlaps by rounding."""
    fixed = {clip.segment for clip in enrolled}
    own = [(proposal.segment, number) for number, proposal in enumerate(proposals)]
    stretches = [_Stretch(*segment, None if segment in fixed else number) for segment, number in own]
    stretches += [_Stretch(*segment, None) for segment in fixed - {segment for segment, _ in own}]
    result = list(proposals)
    for one, two in pairwise(sorted(stretches, key=lambda s: (s.start_s, s.end_s))):
        overlap_s = one.end_s - two.start_s
        shortest_s = min(one.end_s - one.start_s, two.end_s - two.start_s)
        if not 0 < overlap_s <= min(tolerance_s, shortest_s / 2):
            continue
        if one.index is not None:
            result[one.index] = _with_times(result[one.index], end_s=two.start_s)
        elif two.index is not None:
            result[two.index] = _with_times(result[two.index], start_s=one.end_s)
    return result


def _with_times(proposal: Proposal, **times_s: float) -> Proposal:
    """Return the proposal with another start or end, unless its apex would lie outside."""
    cut = replace(proposal, **times_s)  # type: ignore[arg-type]
    start_s, end_s = cut.segment
    return cut if cut.apex_s is None or start_s <= cut.apex_s < end_s else proposal


@dataclass(frozen=True)
class _Stretch:
    """A segment of a recording."""

    start_s: float
    end_s: float
    index: int | None
    "Number of the proposal; None for a segment that is enrolled, which stays as it is."


def overlap_errors(proposals: Sequence[Proposal]) -> list[str]:
    """Return an error for each segment that overlaps another one of its recording."""
    errors = []
    by_file = sorted(proposals, key=lambda p: (str(p.path), p.segment))
    for one, two in pairwise(by_file):
        if one.path == two.path and two.segment[0] < one.segment[1]:
            errors.append(
                f"{two.where}: {two.label} from {two.segment[0]} s overlaps {one.where}: "
                f"{one.label} in {two.path}; a segment has one label"
            )
    return errors


def end_errors(proposals: Iterable[Proposal], files: Mapping[Path, InspectedFile], state: State) -> list[str]:
    """Return an error for each segment or apex beyond the end of its video."""
    durations_s = {clip.sha256: clip.duration_s for clip in state.clips}
    durations_s |= {file.sha256: file.info.duration_s for file in files.values() if file.info}
    errors = []
    for proposal in proposals:
        duration_s = durations_s[files[proposal.path].sha256]
        start_s, end_s = proposal.segment
        is_beyond = math.isfinite(end_s) and end_s > duration_s + _TOLERANCE_S
        if is_beyond or (start_s and start_s >= duration_s):
            end = f"{end_s} s" if math.isfinite(end_s) else "the end"
            errors.append(
                f"{proposal.where}: the segment from {start_s} s to {end} is beyond the end of "
                f"{proposal.path} ({duration_s} s); correct start_s and end_s"
            )
        elif proposal.apex_s and proposal.apex_s >= duration_s:
            errors.append(
                f"{proposal.where}: the apex at {proposal.apex_s} s is beyond the end of {proposal.path} "
                f"({duration_s} s); correct apex_s"
            )
    return errors
