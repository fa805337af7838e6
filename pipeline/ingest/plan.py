"""The plan of an ingest, from proposals, contents of files and tables. Pure: it touches no files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pipeline.ingest.inspection import InspectedFile
from pipeline.ingest.known import sort_out_known
from pipeline.ingest.names import unique
from pipeline.ingest.participants_plan import ParticipantsPlan, plan_participants
from pipeline.ingest.participants_table import ParticipantsTable
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.segments import cut_rounding, end_errors, overlap_errors
from pipeline.ingest.state import State
from pipeline.runtime.paths import WITHDRAWALS
from pipeline.schema.clips import Clip
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
        labels = sorted({clip.expression for clip in self.clips})
        table = {row: dict.fromkeys(labels, 0) for row in rows.values()}
        for clip in self.clips:
            if clip.subject in rows:
                table[rows[clip.subject]][clip.expression] += 1
        return table


def plan_ingest(
    proposals: Iterable[Proposal],
    files: Files,
    table: ParticipantsTable | None,
    state: State,
    consent_source: str = "",
) -> IngestPlan:
    """Plan an ingest; errors are collected in the plan.

    Args:
        proposals: The clips to enrol; those whose file is not in `files` are ignored.
        files: Files that could be read.
        table: The participants table, if one is given.
        state: The tables of raw/ before the ingest.
        consent_source: Source of the statement that all subjects gave consent; empty if there is none.
    """
    readable = [proposal for proposal in proposals if proposal.path in files]
    proposals = sorted(readable, key=lambda p: (p.subject, p.order, p.start_s or 0.0))
    proposals, notes = cut_rounding(proposals, files, state)
    digests = {path: file.sha256 for path, file in files.items()}
    found = sort_out_known(proposals, digests, state)
    participants = plan_participants([*found.known, *found.new], table, state, consent_source)
    errors = [
        *participants.errors,
        *_duplicates(found.new, files),
        *overlap_errors(found.new),
        *end_errors(found.new, files, state),
        *_withdrawn(proposals, files, state),
        *found.errors,
    ]
    if errors:
        return IngestPlan(state, participants, errors=tuple(errors))
    recordings = _plan_recordings(found.new, files, state)
    unchanged = tuple(found.unchanged.values())
    return IngestPlan(state, participants, recordings, unchanged, notes=(*notes, *found.notes))


def _duplicates(proposals: Sequence[Proposal], files: Files) -> list[str]:
    """Return an error for each file with the content of another file or with a second subject."""
    errors = []
    first: dict[str, Proposal] = {}
    for proposal in proposals:
        other = first.setdefault(files[proposal.path].sha256, proposal)
        if other.path != proposal.path:
            errors.append(
                f"{proposal.where}: {proposal.label}: the same recording as {other.where}: "
                f"{other.label}; leave one out"
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
