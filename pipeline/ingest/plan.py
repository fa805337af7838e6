"""The plan of an ingest, from proposals, contents of files and tables. Pure: it touches no files."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pipeline.ingest.inspection import InspectedFile
from pipeline.ingest.names import normal, unique
from pipeline.ingest.participants_plan import ParticipantsPlan, plan_participants
from pipeline.ingest.participants_table import ParticipantsTable
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.segments import cut_rounding, end_errors, label_of, overlap_errors, segment_of
from pipeline.ingest.state import State
from pipeline.runtime.paths import CLIPS, WITHDRAWALS
from pipeline.schema.clips import Clip
from pipeline.schema.expressions import EXPRESSIONS
from pipeline.schema.image_subjects import POOLED

Files = Mapping[Path, InspectedFile]

_PROBED = ("width", "height", "fps", "duration_s", "frames", "codec", "rotation")
"""Columns of raw/clips.csv that probing finds."""


@dataclass(frozen=True)
class PlannedRecording:
    """One recording and its new clips."""

    video: str
    "Path below raw/videos."
    source: Path | None
    "File to copy; None if the recording is already enrolled and only gets more clips."
    sha256: str
    size_bytes: int
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class IngestPlan:
    """All changes of an ingest. It must not be carried out if there are errors."""

    state: State
    participants: ParticipantsPlan
    recordings: tuple[PlannedRecording, ...] = ()
    "Sorted by subject, so that a run that resumes an interrupted one assigns the same ids."
    unchanged: tuple[Clip, ...] = ()
    "Clips of this ingest that are already enrolled."
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    "One line each."

    @property
    def added(self) -> tuple[Clip, ...]:
        """The new clips."""
        return tuple(clip for recording in self.recordings for clip in recording.clips)

    @property
    def clips(self) -> tuple[Clip, ...]:
        """All clips after this ingest."""
        return (*self.state.clips, *self.added)

    def table(self) -> dict[str, dict[str, int]]:
        """Count all clips of the subjects of this ingest, by subject and expression; images share one row."""
        subjects = sorted({clip.subject for clip in (*self.added, *self.unchanged)})
        images = {p.subject for p in (*self.state.participants, *self.participants.new) if p.is_image}
        rows = {subject: POOLED if subject in images else subject for subject in subjects}
        table = {row: dict.fromkeys(EXPRESSIONS, 0) for row in rows.values()}
        for clip in self.clips:
            if clip.subject in rows:
                table[rows[clip.subject]][clip.expression] += 1
        return table


def plan_ingest(
    proposals: Iterable[Proposal], files: Files, table: ParticipantsTable | None, state: State
) -> IngestPlan:
    """Plan an ingest; errors are collected in the plan.

    Args:
        proposals: The clips to enrol; those whose file is not in `files` are ignored.
        files: Files that could be read.
        table: The participants table, if one is given.
        state: The tables of raw/ before the ingest.
    """
    readable = [proposal for proposal in proposals if proposal.path in files]
    proposals = sorted(readable, key=lambda p: (p.subject, p.order, p.start_s or 0.0))
    proposals, notes = cut_rounding(proposals, files, state)
    participants = plan_participants(proposals, table, state)
    errors = [
        *participants.errors,
        *_duplicates(proposals, files),
        *overlap_errors(proposals),
        *end_errors(proposals, files, state),
        *_withdrawn(proposals, files, state),
    ]
    enrolled: dict[str, list[Clip]] = defaultdict(list)
    for clip in state.clips:
        enrolled[clip.sha256].append(clip)
    unchanged: list[Clip] = []
    new: list[Proposal] = []
    for proposal in proposals:
        clips = enrolled[files[proposal.path].sha256]
        if same := next((clip for clip in clips if _is_same(clip, proposal)), None):
            unchanged.append(same)
        else:
            errors += _conflicts(proposal, clips)
            new.append(proposal)
    if errors:
        return IngestPlan(state, participants, errors=tuple(errors))
    recordings = _plan_recordings(new, files, state)
    return IngestPlan(state, participants, recordings, tuple(unchanged), notes=tuple(notes))


def _duplicates(proposals: Sequence[Proposal], files: Files) -> list[str]:
    """Return an error for each file with the content of another file or with a second subject."""
    errors = []
    first: dict[str, Proposal] = {}
    for proposal in proposals:
        other = first.setdefault(files[proposal.path].sha256, proposal)
        if other.path != proposal.path:
            errors.append(
                f"{proposal.where}: {label_of(proposal)}: the same recording as {other.where}: "
                f"{label_of(other)}; leave one out"
            )
        elif other.subject != proposal.subject:
            errors.append(
                f"{proposal.where}: a recording belongs to one subject, not to {proposal.subject} and "
                f"{other.subject} ({other.where}); cut it in two"
            )
    return errors


def _withdrawn(proposals: Iterable[Proposal], files: Files, state: State) -> list[str]:
    """Return an error for each recording of a withdrawn subject, whatever its new code."""
    return [
        f"{proposal.where}: this is a recording of {state.withdrawn[digest]}, who has withdrawn "
        f"({WITHDRAWALS}); leave it out and delete {proposal.path}"
        for proposal in proposals
        if (digest := files[proposal.path].sha256) in state.withdrawn
    ]


def _is_same(clip: Clip, proposal: Proposal) -> bool:
    """Return whether a clip is what a proposal asks for, enrolled from a file of the same name."""
    source = clip.extra.get("source", "")
    return (
        clip.segment == segment_of(proposal)
        and proposal.apex_s in (None, clip.apex_s)
        and (clip.subject, clip.expression) == (proposal.subject, proposal.expression)
        and (not source or not proposal.source or normal(source) == normal(proposal.source))
    )


def _conflicts(proposal: Proposal, enrolled: Sequence[Clip]) -> list[str]:
    """Return the error, if any, of a proposal that contradicts the enrolled clips of its recording."""
    start_s, end_s = segment_of(proposal)
    overlapping = [clip for clip in enrolled if clip.segment[0] < end_s and start_s < clip.segment[1]]
    for clip in [*overlapping, *(clip for clip in enrolled if clip.subject != proposal.subject)]:
        if label_of(clip) != label_of(proposal):
            remedy = f"leave it out; to correct a label, edit its row in {CLIPS}"
        elif clip.segment != (start_s, end_s):
            remedy = "a segment is enrolled once; correct start_s and end_s"
        elif proposal.apex_s not in (None, clip.apex_s):
            remedy = f"to set or correct the apex, edit apex_s in its row of {CLIPS}"
        else:
            remedy = f"it came from a file named {clip.extra['source']!r}; leave the copy out"
        return [
            f"{proposal.where}: {label_of(proposal)}: this recording is enrolled as {clip.clip} "
            f"({label_of(clip)}); {remedy}"
        ]
    return []


def _plan_recordings(
    proposals: Sequence[Proposal], files: Files, state: State
) -> tuple[PlannedRecording, ...]:
    """Group new proposals by recording; assign free clip ids and file names in their order."""
    known = {clip.sha256: clip for clip in state.clips}
    ids = {clip.clip.lower() for clip in state.clips}
    videos = {(clip.video.rpartition(".")[0] or clip.video).lower() for clip in state.clips}
    recordings = []
    for path, group in groupby(proposals, key=lambda proposal: proposal.path):
        clips, file = list(group), files[path]
        enrolled = known.get(file.sha256)
        video = enrolled.video if enrolled else _video_path(clips[0], videos)
        probed = vars(enrolled or file.info)
        new = tuple(_clip(clip, unique(clip.clip, ids), video, file.sha256, probed) for clip in clips)
        source = None if enrolled else path
        recordings.append(PlannedRecording(video, source, file.sha256, file.size_bytes, new))
    return tuple(recordings)


def _video_path(proposal: Proposal, taken: set[str]) -> str:
    suffix = proposal.path.suffix.lower()
    if not re.fullmatch(r"\.[a-z0-9]{1,5}", suffix):
        suffix = ""
    return unique(f"{proposal.folder or proposal.subject}/{proposal.video}", taken) + suffix


def _clip(proposal: Proposal, name: str, video: str, sha256: str, probed: Mapping[str, object]) -> Clip:
    return Clip(
        clip=name,
        video=video,
        subject=proposal.subject,
        session=proposal.session,
        expression=proposal.expression,
        start_s=proposal.start_s,
        end_s=proposal.end_s,
        apex_s=proposal.apex_s,
        take=proposal.take or name,
        sha256=sha256,
        **{key: probed[key] for key in _PROBED},  # type: ignore[arg-type]
        extra={key: text for key in ("source", "named") if (text := getattr(proposal, key))},
    )
