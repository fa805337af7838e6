"""The two tables of raw/: who takes part, and which stretch of which video shows what."""

import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from pipeline.core.errors import EmoError
from pipeline.core.labels import EXPRESSIONS
from pipeline.core.paths import CLIPS, PARTICIPANTS
from pipeline.core.subjectless import check_stands_for, stands_for_image
from pipeline.core.tables import read_csv
from pipeline.core.withdrawn import read_withdrawn

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What subjects' and clips' ids match."""

SEXES = ("F", "M", "X", "")
GIVEN, WITHDRAWN = "given", "withdrawn"


@dataclass(frozen=True)
class Participant:
    """One row of raw/participants.csv."""

    subject: str
    "pseudonymous code, unique also without regard to case"
    sex: str
    "F, M, X, or empty where it is not known"
    age: float | None
    "years"
    consent: str
    "given or withdrawn"
    enrolled: int
    "1, 2, 3 ... in the order of first enrolment, never reused"
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_id("subject", self.subject)
        if self.sex not in SEXES:
            raise ValueError(f"sex: {self.sex!r} is not one of F, M, X or empty")
        if self.consent not in (GIVEN, WITHDRAWN):
            raise ValueError(f"consent: {self.consent!r} is not one of {GIVEN}, {WITHDRAWN}")
        if self.enrolled < 1:
            raise ValueError(f"enrolled: {self.enrolled} is not 1 or more")
        if self.age is not None:
            _check_within("age", self.age, 0, 130)
        check_stands_for(self.extra)

    @property
    def is_image(self) -> bool:
        """Whether this stands for an image of a corpus without subjects, not for a person."""
        return stands_for_image(self.extra)


@dataclass(frozen=True)
class Clip:
    """One row of raw/clips.csv: a labelled stretch of one video."""

    clip: str
    "unique id"
    video: str
    "path below raw/videos, with forward slashes"
    subject: str
    expression: str
    start_s: float | None
    "first second of the stretch in the video; None: from its start"
    end_s: float | None
    "end of the stretch, exclusive; None: to the video's end"
    take: str
    "clips of one performance share it: other views, other modalities"
    sha256: str
    "of the video's content, 64 hexadecimal digits"
    width: int
    "pixels of the upright picture, as shown"
    height: int
    fps: float
    "average frame rate in frames/s"
    duration_s: float
    "of the whole video"
    frames: int
    "of the whole video"
    codec: str
    rotation: int
    "degrees clockwise by which the stored picture is turned to stand upright: 0, 90, 180, 270"
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_id("clip", self.clip)
        check_id("subject", self.subject)
        if self.expression not in EXPRESSIONS:
            raise ValueError(f"expression: {self.expression!r} is not one of {', '.join(EXPRESSIONS)}")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256: {self.sha256!r} is not 64 hexadecimal digits")
        if not self.video or ".." in Path(self.video).parts or Path(self.video).is_absolute():
            raise ValueError(f"video: {self.video!r} is not a path below raw/videos")
        for name in ("width", "height", "frames"):
            _check_within(name, getattr(self, name), 1, math.inf)
        for name in ("fps", "duration_s"):
            _check_within(name, getattr(self, name), 0, sys.float_info.max)
        if self.rotation not in (0, 90, 180, 270):
            raise ValueError(f"rotation: {self.rotation} is not one of 0, 90, 180, 270")
        check_segment(self.start_s, self.end_s)

    @property
    def is_still(self) -> bool:
        """Whether the recording is one picture: a clip of one frame, without an onset to cut off."""
        return self.frames == 1

    @property
    def segment(self) -> tuple[float, float]:
        """The stretch as (first second, end), the end infinite where it is the video's."""
        return (self.start_s or 0.0, math.inf if self.end_s is None else self.end_s)


def check_id(name: str, value: str) -> None:
    """Raise ValueError unless `value` can be the id of a subject or clip."""
    if not ID.fullmatch(value):
        raise ValueError(
            f"{name}: {value!r} is not an id: 1 to 64 letters, digits, - and _, first a letter or digit"
        )


def _check_within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: {value} is not within {low}..{high}")


def check_segment(start_s: float | None, end_s: float | None) -> None:
    """Raise ValueError unless 0 <= start < end, both finite where they are given."""
    start, end = start_s or 0.0, math.inf if end_s is None else end_s
    if not (0 <= start < end) or (end_s is not None and not math.isfinite(end_s)):
        raise ValueError(f"segment: start_s {start_s} and end_s {end_s} are not 0 <= start < end")


def read_participants(path: Path = PARTICIPANTS) -> list[Participant]:
    """Read and check raw/participants.csv, in the order of enrolment."""
    people = read_csv(path, Participant, key="subject")
    check_case([person.subject for person in people], str(path))
    _check_order(people, path)
    return sorted(people, key=lambda person: person.enrolled)


def read_clips(path: Path = CLIPS) -> list[Clip]:
    """Read and check raw/clips.csv, in the order of the clips' ids."""
    clips = read_csv(path, Clip, key="clip")
    check_case([clip.clip for clip in clips], str(path))
    check_overlaps(clips, str(path))
    return sorted(clips, key=lambda clip: clip.clip)


def read_enrolment() -> tuple[list[Participant], list[Clip]]:
    """Read both tables; every clip's subject must be a participant."""
    people, clips = read_participants(), read_clips()
    known = {person.subject for person in people}
    for clip in clips:
        if clip.subject not in known:
            raise EmoError(f"{CLIPS}: clip {clip.clip}: subject {clip.subject!r} is not in {PARTICIPANTS}")
    return people, clips


def consenting(people: Iterable[Participant]) -> frozenset[str]:
    """Return the subjects who may be processed and shown: consent is given, and was not withdrawn since.

    An older version of the table, checked out again, does not know of a withdrawal; raw/withdrawn.csv and its
    copy beside Git do.
    """
    gone = {row.subject for row in read_withdrawn()}
    return frozenset(person.subject for person in people if person.consent == GIVEN) - gone


def consented_clips() -> list[Clip]:
    """Return the clips of the participants whose consent is given; only these may be processed.

    Raises EmoError where the tables are older than somebody's withdrawal.
    """
    people, clips = read_enrolment()
    given = {person.subject for person in people if person.consent == GIVEN}
    for subject in sorted(given & {row.subject for row in read_withdrawn()}):
        raise EmoError(
            f"{PARTICIPANTS}: {subject} has withdrawn, and this table is older or was changed back; run "
            f"`emo withdraw {subject} --yes` to take the person out of it"
        )
    return [clip for clip in clips if clip.subject in given]


def check_case(ids: Iterable[str], where: str) -> None:
    """Raise EmoError where two ids differ only by case: some file systems would mix them up."""
    seen: dict[str, str] = {}
    for name in ids:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise EmoError(f"{where}: {other!r} and {name!r} differ only by case; rename one")


def check_overlaps(clips: Sequence[Clip], where: str) -> None:
    """Raise EmoError where two clips claim the same stretch of one video."""
    ordered = sorted(clips, key=lambda clip: (clip.video, clip.segment))
    for first, second in pairwise(ordered):
        if first.video == second.video and second.segment[0] < first.segment[1]:
            raise EmoError(
                f"{where}: clips {first.clip} and {second.clip} overlap in {first.video} at "
                f"{second.segment[0]} s; a stretch has one label"
            )


def _check_order(people: Sequence[Participant], path: Path) -> None:
    seen: dict[int, str] = {}
    for person in people:
        other = seen.setdefault(person.enrolled, person.subject)
        if other != person.subject:
            raise EmoError(
                f"{path}: {other} and {person.subject} have the same number {person.enrolled} "
                "in `enrolled`; each participant has one of its own"
            )
