"""Enrol recordings: read what they are called, look into them, plan, then act."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pipeline.ingest.enrol import carry_out, check_space, disk_faults, exclusive
from pipeline.ingest.image_subjects import as_own_subjects
from pipeline.ingest.inspection import inspect
from pipeline.ingest.layouts.registry import UnfitError, label_ending, layout_named, recognise
from pipeline.ingest.manifest import read_manifest
from pipeline.ingest.participants import read_people
from pipeline.ingest.plan import Findings, Plan, make_plan
from pipeline.ingest.proposals import Proposals, name_clips
from pipeline.ingest.request import Request
from pipeline.ingest.sources import Source, find_sources, media_of
from pipeline.ingest.state import read_state, unlisted
from pipeline.ingest.track import check_dvc, track_videos
from pipeline.ingest.unpacking import Unpacked, unpacked
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import VIDEOS
from pipeline.runtime.progress import Advance, progress_bar
from pipeline.schema.clips import Clip

_SHOWN = 10
"""Faults told before the rest is counted: of the wrong folder, each file is one."""

ProgressBar = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True)
class Outcome:
    """What an ingest will do (`done` false) or has done."""

    done: bool
    layout: str
    reason: str
    "why this layout"
    added: tuple[Clip, ...]
    unchanged: tuple[Clip, ...]
    "clips of this ingest that were there before"
    new_subjects: tuple[str, ...]
    completed_subjects: tuple[str, ...]
    "known participants whose sex or age is filled in"
    videos: int
    "files to copy or link, or copied or linked"
    size_bytes: int
    "of these files"
    skipped: Mapping[str, int]
    "reason -> files"
    notes: tuple[str, ...]
    "what the user should know; one line each"
    table: Mapping[str, Mapping[str, int]]
    "subject -> expression -> clips, all clips of the subjects of this ingest"
    commit: tuple[str, ...]
    "files to `git add`; empty where nothing changed or before it is done"

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "done": self.done,
            "layout": self.layout,
            "reason": self.reason,
            "added": [_plain(clip) for clip in self.added],
            "unchanged": [clip.clip for clip in self.unchanged],
            "new_subjects": list(self.new_subjects),
            "completed_subjects": list(self.completed_subjects),
            "videos": self.videos,
            "size_bytes": self.size_bytes,
            "skipped": dict(self.skipped),
            "notes": list(self.notes),
            "table": {subject: dict(row) for subject, row in self.table.items()},
            "commit": list(self.commit),
        }


def ingest(
    request: Request,
    *,
    progress: ProgressBar = progress_bar,
    show: Callable[[Outcome], None] | None = None,
    track: Callable[[], tuple[str, ...]] = track_videos,
) -> Outcome:
    """Enrol what is asked for, in the project that is the current directory.

    `show` is called with the plan before anything is done. Raises EmoError, one line a fault, before
    anything was done wherever that is possible; what was done before a fault is kept and listed in the
    tables. Ctrl-C goes through as KeyboardInterrupt: the same command again goes on from there.
    """
    if track is track_videos:
        check_dvc()
    with disk_faults("raw"), exclusive(), unpacked(request) as given:
        request = given.request
        proposals, plan = _prepare(given, progress)
        preview = _outcome(plan, proposals)
        if show:
            show(preview)
        if request.dry_run:
            return preview
        check_space(plan, link=request.link)
        carry_out(plan, link=request.link, progress=progress)
        return _outcome(plan, proposals, done=True, commit=track())


def _prepare(given: Unpacked, progress: ProgressBar) -> tuple[Proposals, Plan]:
    """Read names, videos and tables; return what is proposed and the plan, or raise all faults."""
    request, state = given.request, read_state()
    people = read_people(request.participants) if request.participants else None
    proposals = given.told(_proposals(request))
    paths = {proposal.path: proposal.still for proposal in proposals.clips}
    found, faults = inspect(paths, state.digests, progress)
    proposals = as_own_subjects(proposals, found, state)
    plan = make_plan(Findings(proposals.clips, found, people), state)
    _refuse([*proposals.faults, *faults, *plan.faults])
    return proposals, plan


def _refuse(faults: Sequence[str]) -> None:
    """Raise EmoError for faults, one line each, whatever names of files hold; the rest of many is counted."""
    lines = [fault.replace("\n", "\\n").replace("\r", "\\r") for fault in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        lines.append(f"and {len(faults) - _SHOWN:,} more faults")
    if lines:
        raise EmoError("\n       ".join(lines))


def _proposals(request: Request) -> Proposals:
    if request.manifest and request.sources:
        raise EmoError(
            f"{request.sources[0]}: --manifest names every clip already; give videos or a manifest"
        )
    if request.manifest:
        return read_manifest(request.manifest, request.mapping, skip_unknown=request.skip_unknown)
    layout = layout_named(request.layout)
    media = layout.media if layout else media_of(request.sources)
    sources = find_sources(request.sources, media, label_ending(layout, media))
    labels = {PurePosixPath(source.path): _text(source) for source in sources.labels}
    try:
        recognised = recognise([source.name for source in sources.files], request.layout, media, labels)
    except UnfitError as error:
        raise EmoError(f"{sources.files[0].path}: {error}") from None
    return name_clips(sources, recognised, request.mapping, skip_unknown=request.skip_unknown)


def _text(source: Source) -> str:
    try:
        return source.path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise EmoError(
            f"{source.path}: a label that cannot be read ({error.strerror}); copy it again, or remove it"
        ) from None


def _outcome(
    plan: Plan, proposals: Proposals, *, done: bool = False, commit: tuple[str, ...] = ()
) -> Outcome:
    strays = unlisted(plan.clips)
    notes = [*proposals.notes, *plan.people.notes]
    if strays:
        notes.append(
            f"{VIDEOS / strays[0]}: in no table ({len(strays)} such files); ingest the recording it was "
            "copied from, or remove it"
        )
    return Outcome(
        done=done,
        layout=proposals.layout,
        reason=proposals.reason,
        added=plan.added,
        unchanged=plan.unchanged,
        new_subjects=tuple(person.subject for person in plan.people.new),
        completed_subjects=tuple(person.subject for person in plan.people.completed),
        videos=sum(1 for step in plan.steps if step.source),
        size_bytes=sum(step.size_bytes for step in plan.steps if step.source),
        skipped=proposals.skipped,
        notes=tuple(notes),
        table=plan.table(),
        commit=commit,
    )


def _plain(clip: Clip) -> dict[str, Any]:
    values = {"clip": clip.clip, "video": clip.video, "subject": clip.subject, "expression": clip.expression}
    return values | {"start_s": clip.start_s, "end_s": clip.end_s, "take": clip.take, "sha256": clip.sha256}
