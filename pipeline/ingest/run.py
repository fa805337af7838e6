"""`emo ingest`: read file names, inspect the files, plan, show the plan, then carry it out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.ingest.dvc_tracking import check_dvc, track_videos
from pipeline.ingest.enrol import RESUMES, carry_out, check_space, exclusive
from pipeline.ingest.inspection import ProgressBar, inspect_files
from pipeline.ingest.layouts.layout import Media
from pipeline.ingest.layouts.registry import (
    AUTO,
    LayoutChoice,
    NoMatchError,
    choose_layout,
    label_ending,
    layout_named,
)
from pipeline.ingest.manifest import read_manifest
from pipeline.ingest.participants_table import read_participants_table
from pipeline.ingest.plan import IngestPlan, plan_ingest
from pipeline.ingest.plan_subjects import PlannedSubject, counted_codes, planned_subjects
from pipeline.ingest.proposals import Proposals, propose_clips
from pipeline.ingest.request import Request
from pipeline.ingest.sources import find_sources, media_of
from pipeline.ingest.state import read_state, unlisted
from pipeline.ingest.subject_pattern import OPTION, compile_pattern, read_by_pattern
from pipeline.ingest.subjectless_images import as_own_subjects
from pipeline.ingest.unpacking import Unpacked, unpacked
from pipeline.runtime.errors import EmoError, disk_errors, many, reason
from pipeline.runtime.paths import VIDEOS
from pipeline.runtime.progress import progress_bar
from pipeline.schema.clips import Clip

_MAX_ERRORS = 10
"""Errors that are listed; the others are counted."""

_JSON_COLUMNS = ("clip", "video", "subject", "expression", "start_s", "end_s", "take", "sha256")


@dataclass(frozen=True)
class Outcome:
    """What an ingest will do (`done` false) or has done."""

    done: bool
    layout: str
    reason: str
    "Why this layout was chosen."
    added: tuple[Clip, ...]
    unchanged: tuple[Clip, ...]
    "Clips of this ingest that were enrolled before."
    new_subjects: tuple[str, ...]
    completed_subjects: tuple[str, ...]
    "Known participants whose empty sex or age is filled in."
    videos: int
    "Number of files to copy or link."
    size_bytes: int
    "Total size of these files."
    skipped: Mapping[str, int]
    "Reason -> number of files."
    notes: tuple[str, ...]
    "One line each."
    table: Mapping[str, Mapping[str, int]]
    "Subject -> expression -> number of clips; all clips of the subjects of this ingest."
    subjects: tuple[PlannedSubject, ...]
    "The subjects of this ingest as they were understood."
    commit: tuple[str, ...]
    "Files to `git add`; empty if nothing changed, or if nothing is done yet."

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            **vars(self),
            "added": [{name: getattr(clip, name) for name in _JSON_COLUMNS} for clip in self.added],
            "unchanged": [clip.clip for clip in self.unchanged],
            "subjects": [vars(subject) for subject in self.subjects],
        }


def ingest(
    request: Request,
    *,
    progress: ProgressBar = progress_bar,
    show: Callable[[Outcome], None] | None = None,
    track: Callable[[], tuple[str, ...]] = track_videos,
) -> Outcome:
    """Enrol recordings in the project in the current directory.

    Recordings that were enrolled before an error stay enrolled. After Ctrl-C (KeyboardInterrupt) or any other
    interruption, the same call resumes.

    Args:
        request: What to ingest.
        progress: Shows the progress.
        show: Receives the plan before anything is changed.
        track: Tracks raw/videos and returns the files to commit.

    Raises:
        EmoError: One line for each error, before anything is changed if that is possible.
    """
    if track is track_videos:
        check_dvc()
    with disk_errors("raw", RESUMES), exclusive(), unpacked(request) as given:
        proposals, plan = _prepare(given, progress)
        preview = _outcome(plan, proposals)
        if show:
            show(preview)
        if request.dry_run:
            return preview
        check_space(plan, link=request.link)
        carry_out(plan, link=request.link, progress=progress)
        return _outcome(plan, proposals, done=True, commit=track())


def _prepare(given: Unpacked, progress: ProgressBar) -> tuple[Proposals, IngestPlan]:
    """Read names, files and tables; return the proposals and the plan, or raise all errors together."""
    request, state = given.request, read_state()
    table = read_participants_table(request.participants) if request.participants else None
    proposals = given.with_table_lines(_propose(request))
    stills = {proposal.path: proposal.still for proposal in proposals.clips}
    files, unreadable = inspect_files(stills, state.digests, progress)
    proposals = as_own_subjects(proposals, files, state)
    plan = plan_ingest(proposals.clips, files, table, state)
    errors = [*proposals.errors, *unreadable, *plan.errors]
    if proposals.layout == "folders":  # elsewhere the user or the corpus states where a code ends
        errors += counted_codes(proposals.clips, (p.subject for p in state.participants))
    if errors:  # file names may contain line breaks
        raise many((error.replace("\n", "\\n").replace("\r", "\\r") for error in errors), _MAX_ERRORS)
    return proposals, plan


def _propose(request: Request) -> Proposals:
    if request.manifest and request.sources:
        raise EmoError(
            f"{request.sources[0]}: --manifest already lists every clip; give either videos or a manifest"
        )
    if request.subject_pattern:
        _check_pattern_alone(request)
    if request.manifest:
        return read_manifest(request.manifest, request.mapping, skip_unknown=request.skip_unknown)
    layout = layout_named(request.layout)
    media = layout.media if layout else media_of(request.sources)
    sources = find_sources(request.sources, media, label_ending(layout, media))
    labels = {PurePosixPath(source.path): _read_label(source.path) for source in sources.labels}
    try:
        choice = _choose(request, [source.name for source in sources.files], media, labels)
    except NoMatchError as error:
        raise EmoError(f"{sources.files[0].path}: {error}") from None
    return propose_clips(sources, choice, request.mapping, skip_unknown=request.skip_unknown)


def _choose(
    request: Request, names: Sequence[PurePosixPath], media: Media, labels: Mapping[PurePosixPath, str]
) -> LayoutChoice:
    declared = tuple(request.mapping)  # a word that is mapped is an expression
    if request.subject_pattern:
        return read_by_pattern(compile_pattern(request.subject_pattern), names, declared)
    return choose_layout(names, request.layout, media, labels, declared)


def _check_pattern_alone(request: Request) -> None:
    """Raise EmoError for a subject pattern beside what states the subjects, too."""
    if request.manifest:
        raise EmoError(f"{OPTION}: --manifest already states the subjects; give one of them")
    if request.layout != AUTO:
        raise EmoError(f"{OPTION}: --layout {request.layout} already states the subjects; give one of them")
    compile_pattern(request.subject_pattern)


def _read_label(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise EmoError(
            f"{path}: the label cannot be read ({reason(error)}); copy it again, or remove it"
        ) from None


def _outcome(
    plan: IngestPlan, proposals: Proposals, *, done: bool = False, commit: tuple[str, ...] = ()
) -> Outcome:
    notes = [*proposals.notes, *plan.participants.notes]
    if strays := unlisted(plan.clips):
        notes.append(
            f"{VIDEOS / strays[0]}: not in any table ({len(strays)} such files); ingest the recording it was "
            "copied from, or delete it"
        )
    copied = [recording for recording in plan.recordings if recording.source]
    return Outcome(
        done=done,
        layout=proposals.layout,
        reason=proposals.reason,
        added=plan.added,
        unchanged=plan.unchanged,
        new_subjects=tuple(participant.subject for participant in plan.participants.new),
        completed_subjects=tuple(participant.subject for participant in plan.participants.completed),
        videos=len(copied),
        size_bytes=sum(recording.size_bytes for recording in copied),
        skipped=proposals.skipped,
        notes=tuple(notes),
        table=plan.table(),
        subjects=planned_subjects(proposals.clips, (p.subject for p in plan.state.participants)),
        commit=commit,
    )
