"""`emo ingest`: read file names, inspect the files, plan, show the plan, then carry it out."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from pipeline.ingest.demo import virtual_subjects
from pipeline.ingest.dvc_tracking import track_videos
from pipeline.ingest.enrol import RESUMES, carry_out, check_places, check_space
from pipeline.ingest.inspection import ProgressBar, inspect_files, notes_on
from pipeline.ingest.known import sort_out_unread
from pipeline.ingest.participants_table import read_participants_table
from pipeline.ingest.plan import IngestPlan, plan_ingest
from pipeline.ingest.plan_subjects import PlannedSubject, counted_codes, planned_subjects
from pipeline.ingest.proposals import Proposals
from pipeline.ingest.propose import propose
from pipeline.ingest.request import Request
from pipeline.ingest.state import read_state, unlisted
from pipeline.ingest.stretches import check_stretches
from pipeline.ingest.subjectless_images import as_own_subjects
from pipeline.ingest.unpacking import Unpacked, unpacked
from pipeline.runtime.errors import disk_errors, many
from pipeline.runtime.paths import VIDEOS
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import counted, listed
from pipeline.schema.clips import Clip
from pipeline.versions.study_lock import locked_study

_MAX_ERRORS = 10
"""Errors that are listed; the others are counted."""

_JSON_COLUMNS = (
    *("clip", "video", "subject", "session", "expression"),
    *("start_s", "end_s", "apex_s", "take", "sha256"),
)


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
    "Known participants whose empty sex or age, or unknown consent, is filled in."
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
    track: Callable[[Any], tuple[str, ...]] = track_videos,
) -> Outcome:
    """Enrol recordings in the project in the current directory.

    Recordings that were enrolled before an error stay enrolled. After Ctrl-C (KeyboardInterrupt) or any other
    interruption, the same call resumes.

    Args:
        request: What to ingest.
        progress: Shows the progress.
        show: Receives the plan before anything is changed.
        track: Tracks raw/videos with DVC's `Repo` and returns the files to commit.

    Raises:
        EmoError: One line for each error, before anything is changed if that is possible.
    """
    lock = nullcontext() if request.dry_run else locked_study(wait=request.wait)
    with disk_errors("raw", RESUMES), lock as dvc, unpacked(request) as given:
        proposals, plan = _prepare(given, progress)
        proposals.notes += check_stretches(plan.recordings, progress)
        preview = _outcome(plan, proposals)
        if show:
            show(preview)
        if request.dry_run:
            return preview
        check_places(plan)
        check_space(plan, link=request.link)
        carry_out(plan, link=request.link, progress=progress)
        return _outcome(plan, proposals, done=True, commit=track(dvc))


def _prepare(given: Unpacked, progress: ProgressBar) -> tuple[Proposals, IngestPlan]:
    """Read names, files and tables; return the proposals and the plan, or raise all errors together."""
    request, state = given.request, read_state()
    table = read_participants_table(request.participants) if request.participants else None
    proposals = given.with_table_lines(propose(request))
    stills = {proposal.path: proposal.still for proposal in proposals.clips}
    files, unreadable = inspect_files(stills, state.digests, progress, strict=request.strict)
    proposals.notes += notes_on(files)
    proposals = as_own_subjects(proposals, files, state)
    plan = plan_ingest(proposals.clips, files, table, state, request.consent_source)
    unread, notes = sort_out_unread(proposals.unread, state.digests)
    proposals.notes += notes
    if request.skip_unusable:
        proposals.notes += [f"left out: {why}" for why in unreadable]
        proposals.clips = [proposal for proposal in proposals.clips if proposal.path in files]
        unreadable = []
    if unreadable:
        unreadable[0] += "; --skip-unusable leaves such files out"
    errors = [*proposals.errors, *unread, *unreadable, *plan.errors]
    if proposals.layout == "folders":  # elsewhere the user or the corpus states where a code ends
        new = [p for p in proposals.clips if p.path in files and files[p.path].sha256 not in state.digests]
        errors += counted_codes(new, (participant.subject for participant in state.participants))
    if errors:  # file names may contain line breaks
        raise many((error.replace("\n", "\\n").replace("\r", "\\r") for error in errors), _MAX_ERRORS)
    return proposals, plan


def _outcome(
    plan: IngestPlan, proposals: Proposals, *, done: bool = False, commit: tuple[str, ...] = ()
) -> Outcome:
    notes = [*proposals.notes, *plan.notes, *plan.participants.notes]
    if plan.added and (virtual := virtual_subjects(plan.state.clips)):
        notes.append(
            f"{counted(len(virtual), 'virtual participant')} of the demo enrolled ({listed(virtual, 3)}); "
            "run `emo demo --undo` before you build a dataset of your own recordings"
        )
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
