"""What an ingest will do, from what is asked for, what the files hold and what is enrolled. Pure."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

from pipeline.ingest.enrolment_plan import PeoplePlan, plan_people
from pipeline.ingest.inspection import Found
from pipeline.ingest.names import normal, unique
from pipeline.ingest.participants import People
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.state import State
from pipeline.runtime.paths import CLIPS, WITHDRAWALS
from pipeline.schema.clips import Clip
from pipeline.schema.expressions import EXPRESSIONS
from pipeline.schema.image_subjects import POOLED

_LATE_S = 0.1
"""By how much a segment may end after the video: tables round, and players show the last frame longer."""


@dataclass(frozen=True)
class Findings:
    """What is asked for, and what was found out about it."""

    proposals: Sequence[Proposal]
    found: Mapping[Path, Found]
    "files that could be read; proposals of others are left out"
    people: People | None = None


@dataclass(frozen=True)
class Step:
    """One recording and the clips that it brings."""

    video: str
    "its place below raw/videos"
    source: Path | None
    "where it is copied from; None: it is there, and only gets more segments"
    sha256: str
    size_bytes: int
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class Plan:
    """All that an ingest will change; nothing of it may be done while there are faults."""

    state: State
    people: PeoplePlan
    steps: tuple[Step, ...] = ()
    "sorted by subject: whatever part of them is done, the rest gets the same ids later"
    unchanged: tuple[Clip, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def added(self) -> tuple[Clip, ...]:
        """The new clips."""
        return tuple(clip for step in self.steps for clip in step.clips)

    @property
    def clips(self) -> tuple[Clip, ...]:
        """All clips, as they will be."""
        return (*self.state.clips, *self.added)

    def table(self) -> dict[str, dict[str, int]]:
        """Count all clips of the subjects of this ingest by subject and expression; images in one row."""
        subjects = sorted({clip.subject for clip in (*self.added, *self.unchanged)})
        images = {p.subject for p in (*self.state.people, *self.people.new) if p.is_image}
        rows = {subject: POOLED if subject in images else subject for subject in subjects}
        table = {row: dict.fromkeys(EXPRESSIONS, 0) for row in rows.values()}
        for clip in self.clips:
            if clip.subject in rows:
                table[rows[clip.subject]][clip.expression] += 1
        return table


def make_plan(findings: Findings, state: State) -> Plan:
    """Return what to do; faults are collected in the plan."""
    readable = [proposal for proposal in findings.proposals if proposal.path in findings.found]
    proposals = sorted(readable, key=lambda p: (p.subject, p.order, p.start_s or 0.0))
    people = plan_people(proposals, findings.people, state)
    faults = [*people.faults, *_same_content(proposals, findings.found)]
    faults += [*_bad_segments(proposals, findings.found, state), *_gone(proposals, findings.found, state)]
    by_content = _by_content(state.clips)
    unchanged: list[Clip] = []
    fresh: list[Proposal] = []
    for proposal in proposals:
        there = by_content.get(findings.found[proposal.path].sha256, [])
        same = next((clip for clip in there if _is_same(clip, proposal)), None)
        faults += [] if same else _conflicts(proposal, there)
        if same:
            unchanged.append(same)
        else:
            fresh.append(proposal)
    if faults:
        return Plan(state, people, faults=tuple(faults))
    steps = _Places(state).steps(fresh, findings.found)
    return Plan(state, people, steps=steps, unchanged=tuple(unchanged))


def _by_content(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    by_content: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_content[clip.sha256].append(clip)
    return by_content


# --- Faults ---------------------------------------------------------------------------------------


def _segment(proposal: Proposal) -> tuple[float, float]:
    return (proposal.start_s or 0.0, math.inf if proposal.end_s is None else proposal.end_s)


def _same_content(proposals: Sequence[Proposal], found: Mapping[Path, Found]) -> list[str]:
    """Return a fault for each file with the content of another, and each stretch claimed twice."""
    faults = []
    first: dict[str, Proposal] = {}
    for proposal in proposals:
        other = first.setdefault(found[proposal.path].sha256, proposal)
        if other.path != proposal.path:
            faults.append(
                f"{proposal.where}: {_meaning(proposal)}: the same recording as {other.where}: "
                f"{_meaning(other)}; leave one out"
            )
        elif other.subject != proposal.subject:
            faults.append(
                f"{proposal.where}: a recording belongs to one subject, not to {proposal.subject} and to "
                f"{other.subject} ({other.where}); cut it in two"
            )
    by_file = sorted(proposals, key=lambda p: (str(p.path), _segment(p)))
    for one, two in pairwise(by_file):
        if one.path == two.path and _segment(two)[0] < _segment(one)[1]:
            faults.append(
                f"{two.where}: {_meaning(two)} from {_segment(two)[0]} s overlaps {one.where}: "
                f"{_meaning(one)} in {two.path}; a stretch has one label"
            )
    return faults


def _gone(proposals: Iterable[Proposal], found: Mapping[Path, Found], state: State) -> list[str]:
    """Return a fault for each recording of somebody who withdrew, under whatever code it comes back."""
    return [
        f"{proposal.where}: this is a recording of {state.withdrawn[digest]}, who has withdrawn "
        f"({WITHDRAWALS}); leave it out and remove {proposal.path}"
        for proposal in proposals
        if (digest := found[proposal.path].sha256) in state.withdrawn
    ]


def _bad_segments(proposals: Iterable[Proposal], found: Mapping[Path, Found], state: State) -> list[str]:
    """Return a fault for each segment that the video is too short for."""
    durations_s = {clip.sha256: clip.duration_s for clip in state.clips}
    durations_s |= {file.sha256: file.info.duration_s for file in found.values() if file.info}
    faults = []
    for proposal in proposals:
        duration_s = durations_s[found[proposal.path].sha256]
        start_s, end_s = _segment(proposal)
        if (start_s and start_s >= duration_s) or (math.isfinite(end_s) and end_s > duration_s + _LATE_S):
            end = f"{end_s} s" if math.isfinite(end_s) else "the end"
            faults.append(
                f"{proposal.where}: the segment from {start_s} s to {end} is beyond the end of "
                f"{proposal.path} ({duration_s} s); correct start_s and end_s"
            )
    return faults


def _is_same(clip: Clip, proposal: Proposal) -> bool:
    """Tell whether a clip is what a proposal asks for, from the file it was enrolled from."""
    source = clip.extra.get("source", "")
    return (
        clip.segment == _segment(proposal)
        and (clip.subject, clip.expression) == (proposal.subject, proposal.expression)
        and (not source or not proposal.source or normal(source) == normal(proposal.source))
    )


def _conflicts(proposal: Proposal, there: Sequence[Clip]) -> list[str]:
    """Return the fault, if any, of new claims on a recording that is enrolled."""
    start_s, end_s = _segment(proposal)
    overlapping = [c for c in there if c.segment[0] < end_s and start_s < c.segment[1]]
    for clip in [*overlapping, *(c for c in there if c.subject != proposal.subject)]:
        known = f"{clip.clip} ({clip.expression} of {clip.subject})"
        if clip.subject != proposal.subject or clip.expression != proposal.expression:
            remedy = f"leave it out; to correct a label, edit its row in {CLIPS}"
        elif clip.segment != (start_s, end_s):
            remedy = "a stretch is enrolled once; correct start_s and end_s"
        else:
            remedy = f"it came from a file named {clip.extra['source']!r}; leave the copy out"
        return [f"{proposal.where}: {_meaning(proposal)}: this recording is enrolled as {known}; {remedy}"]
    return []


def _meaning(proposal: Proposal) -> str:
    return f"{proposal.expression} of {proposal.subject}"


# --- Places and ids -------------------------------------------------------------------------------


@dataclass
class _Places:
    """Gives free ids and file names, in the order of the asking."""

    state: State
    ids: set[str] = field(init=False)
    videos: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = {clip.clip.lower() for clip in self.state.clips}
        self.videos = {_stem(clip.video).lower() for clip in self.state.clips}

    def steps(self, fresh: Sequence[Proposal], found: Mapping[Path, Found]) -> tuple[Step, ...]:
        known = {clip.sha256: clip for clip in self.state.clips}
        return tuple(
            self._step(list(group), found[path], known.get(found[path].sha256))
            for path, group in groupby(fresh, key=lambda proposal: proposal.path)
        )

    def _step(self, proposals: Sequence[Proposal], found: Found, known: Clip | None) -> Step:
        """Return the step of one recording; `known` is a clip of it that is there before."""
        first = proposals[0]
        video = known.video if known else self._video(first)
        clips = tuple(self._clip(proposal, video, found, known) for proposal in proposals)
        return Step(video, None if known else first.path, found.sha256, found.size_bytes, clips)

    def _video(self, proposal: Proposal) -> str:
        suffix = proposal.path.suffix.lower()
        plain = suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""
        return unique(f"{proposal.folder or proposal.subject}/{proposal.video}", self.videos) + plain

    def _clip(self, proposal: Proposal, video: str, found: Found, known: Clip | None) -> Clip:
        name = unique(proposal.clip, self.ids)
        facts = vars(known) if known else vars(found.info)
        return Clip(
            clip=name,
            video=video,
            subject=proposal.subject,
            expression=proposal.expression,
            start_s=proposal.start_s,
            end_s=proposal.end_s,
            take=proposal.take or name,
            sha256=found.sha256,
            **{key: facts[key] for key in _FACTS},
            extra={name: text for name in ("source", "named") if (text := getattr(proposal, name))},
        )


_FACTS = ("width", "height", "fps", "duration_s", "frames", "codec", "rotation")


def _stem(video: str) -> str:
    return video.rpartition(".")[0] or video
