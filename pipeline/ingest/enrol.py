"""Carrying out a plan: recordings first, then the tables, so that a table never names a missing recording."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.ingest.inspection import ProgressBar, run_in_threads
from pipeline.ingest.plan import IngestPlan, PlannedRecording
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import NO_SPACE, EmoError, disk_errors, reason
from pipeline.runtime.files import refuse_links, replacing
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, VIDEOS
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import create_ledger
from pipeline.schema.participants import Participant

BATCH = 16
"""Smallest number of recordings between two writes of the tables."""

_BATCH_SHARE = 8
"""A batch grows to an eighth of the number of clips, because each write rewrites the whole tables."""

RESUMES = " and rerun the command; it resumes"
"""What to do after an error of the disk."""


def check_places(plan: IngestPlan) -> None:
    """Raise EmoError, before anything is written, if a recording would be written behind a link."""
    for path in (CLIPS, PARTICIPANTS, *(VIDEOS / one.video for one in plan.recordings if one.source)):
        refuse_links(path if path.parent == CLIPS.parent else path.parent)


def check_space(plan: IngestPlan, *, link: bool) -> None:
    """Raise EmoError if there is no space for the copies."""
    copies = [one for one in plan.recordings if one.source and not (VIDEOS / one.video).exists()]
    needed = 0 if link else sum(recording.size_bytes for recording in copies)
    free = shutil.disk_usage(next(p for p in (VIDEOS, *VIDEOS.parents) if p.exists())).free
    if needed > free:
        raise EmoError(
            f"{VIDEOS}: {_size(needed)} to copy, {_size(free)} free on disk; free some space or use --link"
        )


def carry_out(plan: IngestPlan, *, link: bool, progress: ProgressBar) -> None:
    """Copy or link the recordings into raw/videos and write the tables, batch by batch.

    Recordings and new participants are both sorted by subject: each batch enrols the participants it needs.
    """
    sweep()
    participants = {p.subject: p for p in (*plan.state.participants, *plan.participants.completed)}
    clips = list(plan.state.clips)
    if plan.participants.completed:
        write_csv(PARTICIPANTS, participants.values(), Participant)
    new = {participant.subject: participant for participant in plan.participants.new}
    with progress("copying", len(plan.recordings)) as advance:
        for batch in _batches(plan.recordings, len(clips)):
            run_in_threads(lambda recording: place(recording, link=link), batch, advance)
            clips += [clip for recording in batch for clip in recording.clips]
            participants |= {clip.subject: new[clip.subject] for clip in clips if clip.subject in new}
            write_csv(PARTICIPANTS, participants.values(), Participant)
            write_csv(CLIPS, clips, Clip)
    create_ledger()


def place(recording: PlannedRecording, *, link: bool) -> None:
    """Copy or link one recording into raw/videos by a temporary file that is checked and then renamed."""
    target = VIDEOS / recording.video
    if recording.source is None:
        return
    if target.is_file() and sha256(target) == recording.sha256:  # copied by an interrupted run
        return
    refuse_links(target.parent)
    with disk_errors(str(target), RESUMES), replacing(target) as temporary:
        _link(recording.source, temporary) if link else _copy(recording.source, temporary)
        if sha256(temporary) != recording.sha256:
            raise EmoError(
                f"{recording.source}: changed while it was read; ingest it again when it is complete"
            )


def sweep() -> None:
    """Remove the temporary files that interrupted runs left in raw/. The caller holds the lock."""
    for folder, pattern in ((VIDEOS.parent, ".*.tmp"), (VIDEOS, "**/.*.tmp")):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _batches(recordings: Sequence[PlannedRecording], enrolled: int) -> Iterator[Sequence[PlannedRecording]]:
    """Yield batches that grow with the number of clips `enrolled` before them."""
    start = 0
    while start < len(recordings):
        end = start + max(BATCH, (enrolled + start) // _BATCH_SHARE)
        yield recordings[start:end]
        start = end


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise EmoError(
            f"{source}: cannot be hard-linked into {VIDEOS} ({reason(error)}); leave out --link"
        ) from None
