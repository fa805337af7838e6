"""The virtual participants of the demo: enrolled like any others, and removed by `emo demo --undo`."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.ingest.dvc_tracking import track_videos
from pipeline.ingest.request import Request
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import refuse_links
from pipeline.runtime.paths import (
    CLIPS,
    PARTICIPANTS,
    SPLIT,
    VIDEOS,
    WITHDRAWAL_STATE,
    WITHDRAWALS,
    WITHDRAWALS_COPY,
)
from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.decisions import read_decisions, write_decisions
from pipeline.schema.participants import VIRTUAL, Participant
from pipeline.schema.split import read_split
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.dvc_lock import LOCK, POINTER
from pipeline.versions.writable import outputs

COHORT = Path("demo/clips")


def demo_request() -> Request:
    """Return the request that enrols the virtual participants, who are rendered and need no consent.

    Raises EmoError if the study has other recordings: virtual faces have no place among them.
    """
    if CLIPS.is_file() and (own := _own_clips(read_enrolment()[1])):
        raise EmoError(
            f"{CLIPS}: recordings of your own are enrolled ({len(own)} clips, the first is {own[0].clip}); "
            "try the demo in another clone, so that no virtual participant gets into your dataset"
        )
    table = COHORT / "participants.tsv"
    return Request(sources=(COHORT,), layout="folders", participants=table, consent_source=VIRTUAL)


def virtual_subjects(clips: Sequence[Clip]) -> list[str]:
    """Return the subjects of the demo among some clips, sorted."""
    own = {clip.sha256 for clip in _own_clips(clips)}
    return sorted({clip.subject for clip in clips if clip.sha256 not in own})


def undo_demo(dvc: Any) -> int:
    """Remove the virtual participants, and what was built from them; return the number of clips removed.

    Raises EmoError, and removes nothing, if that would change the split of a real participant.

    Args:
        dvc: DVC's `Repo`, whose lock is held.
    """
    participants, clips = read_enrolment()
    own = _own_clips(clips)
    if not own:
        _check_withdrawn()
        _empty()
        return len(clips)
    removed = [clip for clip in clips if clip not in own]
    gone = {clip.subject for clip in removed}
    _check_removable(gone, own)
    for clip in removed:
        refuse_links((VIDEOS / clip.video).parent)
    write_csv(CLIPS, own, Clip)
    kept = [participant for participant in participants if participant.subject not in gone]
    write_csv(PARTICIPANTS, [replace(one, enrolled=n) for n, one in enumerate(kept, 1)], Participant)
    recordings = {clip.sha256 for clip in own}
    write_decisions([row for row in read_decisions() if row.recording in recordings])
    for clip in removed:
        (VIDEOS / clip.video).unlink(missing_ok=True)
    if removed:
        track_videos(dvc)
    return len(removed)


def _own_clips(clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips whose recordings are not the demo's."""
    if not clips:
        return []
    virtual = {sha256(path) for path in COHORT.rglob("*.mp4")}
    return [clip for clip in clips if clip.sha256 not in virtual]


def _check_withdrawn() -> None:
    virtual = {sha256(path) for path in COHORT.rglob("*.mp4")}
    for row in read_withdrawn():
        if row.sha256 not in virtual:
            raise EmoError(f"{WITHDRAWALS}: {row.subject} is not part of the demo; nothing was removed")


def _check_removable(gone: set[str], own: Sequence[Clip]) -> None:
    """Raise EmoError if own recordings have a virtual code, or their subjects a split beside virtual ones."""
    subjects = {clip.subject for clip in own}
    if shared := sorted(subjects.intersection(gone)):
        raise EmoError(f"{CLIPS}: {shared[0]} has recordings of the demo and your own; nothing was removed")
    assigned = set(read_split()) if SPLIT.is_file() else set()
    if subjects & assigned and gone & assigned:
        raise EmoError(
            f"{SPLIT}: {min(subjects & assigned)} got its split beside the virtual participants, and "
            f"removing these would change it; withdraw each of them instead: {listed(sorted(gone))}"
        )


def _empty() -> None:
    """Empty raw/ and remove all outputs of the pipeline; raise EmoError, before that, if one is a link."""
    built = [path for path in outputs() if not path.is_absolute() and ".." not in path.parts]
    for path in (VIDEOS, WITHDRAWALS, CLIPS, *built):
        refuse_links(path)
    for path in (WITHDRAWALS, WITHDRAWALS_COPY, *WITHDRAWAL_STATE.glob("*.*")):
        path.unlink(missing_ok=True)
    write_csv(CLIPS, [], Clip)
    write_csv(PARTICIPANTS, [], Participant)
    write_decisions([])
    shutil.rmtree(VIDEOS, ignore_errors=True)
    for path in (POINTER, LOCK, *built):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
