"""The virtual participants of the demo: enrolled like any others, and removed by `emo demo --undo`."""

from pathlib import Path

from pipeline.ingest.request import Request
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import (
    CLIPS,
    PARTICIPANTS,
    VIDEOS,
    WITHDRAWAL_STATE,
    WITHDRAWALS,
    WITHDRAWALS_COPY,
)
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.decisions import read_decisions, write_decisions
from pipeline.schema.participants import Participant
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.dvc_lock import POINTER

COHORT = Path("demo/clips")


def demo_request() -> Request:
    """Return the request that enrols the virtual participants."""
    return Request(sources=(COHORT,), layout="folders", participants=COHORT / "participants.tsv")


def undo_demo() -> int:
    """Remove the virtual participants and their recordings from raw/; return the number of clips removed.

    Raises EmoError, and removes nothing, if anything else is enrolled.
    """
    _, clips = read_enrolment()
    virtual = {sha256(path) for path in COHORT.rglob("*.mp4")}
    for clip in clips:
        if clip.sha256 not in virtual:
            raise EmoError(f"{CLIPS}: clip {clip.clip} is not part of the demo; nothing was removed")
    for row in read_withdrawn():
        if row.sha256 not in virtual:
            raise EmoError(f"{WITHDRAWALS}: {row.subject} is not part of the demo; nothing was removed")
    for path in (WITHDRAWALS, WITHDRAWALS_COPY, *WITHDRAWAL_STATE.glob("*.*")):
        path.unlink(missing_ok=True)
    write_csv(CLIPS, [], Clip)
    write_csv(PARTICIPANTS, [], Participant)
    write_decisions([row for row in read_decisions() if row.recording not in virtual])
    for clip in clips:
        (VIDEOS / clip.video).unlink(missing_ok=True)
    for folder in sorted((path for path in VIDEOS.rglob("*") if path.is_dir()), reverse=True):
        folder.rmdir()
    if VIDEOS.is_dir():
        VIDEOS.rmdir()
    POINTER.unlink(missing_ok=True)
    return len(clips)
