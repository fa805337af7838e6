"""raw/clips.csv: the clips, each a stretch of a recording with its subject and expression."""

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.errors import ConsentError, EmoError
from pipeline.runtime.params import check_range
from pipeline.runtime.paths import CLIPS, PARTICIPANTS
from pipeline.runtime.text import printable
from pipeline.schema.expressions import check_label
from pipeline.schema.participants import WITHDRAWN, Participant, check_case, check_id, read_participants
from pipeline.schema.withdrawals import read_withdrawn


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One row of raw/clips.csv: a labelled stretch of one video."""

    clip: str
    "Unique id."
    video: str
    "Path below raw/videos, with forward slashes."
    subject: str
    session: str = ""
    "Recording session of the subject, as the names or the manifest state it; empty if they state none."
    expression: str
    "As asked when it was recorded; `raw/decisions.csv` holds corrections."
    start_s: float | None
    "Start of the stretch, seconds; None: the video's start."
    end_s: float | None
    "End of the stretch, seconds, exclusive; None: the video's end."
    apex_s: float | None = None
    "Time of the strongest expression, seconds; None if it is not known."
    take: str
    "Id of the performance; clips of its other views and modalities share it."
    sha256: str
    "SHA-256 of the recording's content, 64 hexadecimal digits."
    width: int
    "Width of an upright frame in pixels."
    height: int
    fps: float
    "Average frame rate, frames per second."
    duration_s: float
    "Length of the whole recording, seconds."
    frames: int
    "Number of frames of the whole recording."
    codec: str
    rotation: int
    "Degrees clockwise by which the stored frame is turned to be upright: 0, 90, 180 or 270."
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_id("clip", self.clip)
        check_id("subject", self.subject)
        check_label("expression", self.expression)
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256: {self.sha256!r} is not 64 hexadecimal digits")
        if not self.video or ".." in Path(self.video).parts or Path(self.video).is_absolute():
            raise ValueError(f"video: {self.video!r} is not a path below raw/videos")
        if "\n" in self.video or printable(self.video) != self.video:
            raise ValueError(f"video: {self.video!r} holds control characters; rename the file")
        for name in ("width", "height", "frames"):
            check_range(name, getattr(self, name), 1, math.inf)
        for name in ("fps", "duration_s"):
            check_range(name, getattr(self, name), 0, sys.float_info.max)
        if self.rotation not in (0, 90, 180, 270):
            raise ValueError(f"rotation: {self.rotation} is not one of 0, 90, 180, 270")
        check_segment(self.start_s, self.end_s, self.apex_s)

    @property
    def is_still(self) -> bool:
        """Whether the recording is a still image: a clip of one frame, without an onset to cut off."""
        return self.frames == 1

    @property
    def label(self) -> str:
        """What the clip shows, for messages: `happy of S01`."""
        return f"{self.expression} of {self.subject}"

    @property
    def segment(self) -> tuple[float, float]:
        """The stretch as (start, end) in seconds; an end that is the video's is infinite."""
        return (self.start_s or 0.0, math.inf if self.end_s is None else self.end_s)


def check_segment(start_s: float | None, end_s: float | None, apex_s: float | None = None) -> None:
    """Raise ValueError unless 0 <= start <= apex < end, start < end, and all are finite if they are given."""
    start, end = start_s or 0.0, math.inf if end_s is None else end_s
    if not (0 <= start < end) or (end_s is not None and not math.isfinite(end_s)):
        raise ValueError(f"segment: start_s {start_s} and end_s {end_s} are not 0 <= start < end")
    if apex_s is not None and not start <= apex_s < end:
        raise ValueError(f"apex_s: {apex_s} is not within the clip, from {start:g} to {end:g} s")


def read_clips(path: Path = CLIPS) -> list[Clip]:
    """Read and check raw/clips.csv, in the order of the clips' ids."""
    clips = read_csv(path, Clip, key="clip")
    check_case([clip.clip for clip in clips], str(path))
    check_overlaps(clips, str(path))
    return sorted(clips, key=lambda clip: clip.clip)


def read_enrolment() -> tuple[list[Participant], list[Clip]]:
    """Read both tables; every clip's subject must be a participant."""
    participants, clips = read_participants(), read_clips()
    known = {participant.subject for participant in participants}
    for clip in clips:
        if clip.subject not in known:
            raise EmoError(f"{CLIPS}: clip {clip.clip}: subject {clip.subject!r} is not in {PARTICIPANTS}")
    return participants, clips


def processable_clips() -> list[Clip]:
    """Return the clips of the participants who have not withdrawn; only these may be processed.

    Raises ConsentError if the tables are older than a withdrawal.
    """
    participants, clips = read_enrolment()
    enrolled = {participant.subject for participant in participants if participant.consent != WITHDRAWN}
    for subject in sorted(enrolled & {row.subject for row in read_withdrawn()}):
        raise ConsentError(
            f"{PARTICIPANTS}: {subject} has withdrawn, but this table is older or was reverted; run "
            f"`emo withdraw {subject} --yes` to remove the subject from it"
        )
    return [clip for clip in clips if clip.subject in enrolled]


def check_overlaps(clips: Sequence[Clip], where: str) -> None:
    """Raise EmoError if two clips claim the same stretch of one video."""
    ordered = sorted(clips, key=lambda clip: (clip.video, clip.segment))
    for first, second in pairwise(ordered):
        if first.video == second.video and second.segment[0] < first.segment[1]:
            raise EmoError(
                f"{where}: clips {first.clip} and {second.clip} overlap in {first.video} at "
                f"{second.segment[0]} s; give each stretch one label"
            )
