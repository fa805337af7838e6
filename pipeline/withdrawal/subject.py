"""Who is to be erased: everything that any version of the tables calls theirs."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS
from pipeline.schema.clips import read_clips
from pipeline.schema.participants import SEXES, read_participants
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.git import Repository


@dataclass(frozen=True)
class Person:
    """A subject, and what is known by name or by content to be theirs."""

    subject: str
    clips: frozenset[str] = frozenset()
    "ids that no version of raw/clips.csv gives to anybody else"
    videos: frozenset[str] = frozenset()
    "paths below raw/videos, likewise"
    recordings: frozenset[str] = frozenset()
    "SHA-256 of the recordings"
    sex: str = ""
    "as the newest version that knows it says"
    enrolled: int = 0
    "number in the order of enrolment, likewise; 0: no version knows it"
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    "path below raw/videos -> SHA-256, of the recordings"
    taken: frozenset[str] = field(default=frozenset(), compare=False)
    "paths below raw/videos that some version gives to somebody else"

    def __or__(self, other: "Person") -> "Person":
        return Person(
            self.subject,
            self.clips | other.clips,
            self.videos | other.videos,
            self.recordings | other.recordings,
            self.sex or other.sex,
            self.enrolled or other.enrolled,
            {**other.sources, **self.sources},
            self.taken | other.taken,
        )


@dataclass(frozen=True)
class _Listed:
    """One row of some version of raw/clips.csv, of which older ones may have other columns."""

    clip: str
    video: str
    subject: str
    sha256: str


def find_person(subject: str, repository: Repository) -> Person:
    """Return what every commit and the workspace list of a subject.

    A recording that was listed under two subjects is whose it is in the workspace. Raises EmoError for a
    subject that no version knows, and where one of the recordings is two people's now.
    """
    here = _workspace()
    rows = [*here, *(row for table in _tables(repository, CLIPS) for row in _clips(table))]
    recordings = {row.sha256 for row in rows if row.subject == subject}
    owners = _owners([row for row in here if row.sha256 in recordings])
    recordings = {digest for digest in recordings if owners.get(digest, subject) == subject}
    recordings |= {row.sha256 for row in read_withdrawn() if row.subject == subject and row.sha256}
    sex, enrolled = _participant(subject, repository)
    if not (recordings or enrolled):
        raise EmoError(
            f"{PARTICIPANTS}: nobody is called {subject!r}, here or in an earlier version; see its column "
            f"subject{repository.cut_note}"
        )
    mine = [row for row in rows if row.sha256 in recordings]
    other = [row for row in rows if row.sha256 not in recordings]
    return Person(
        subject,
        clips=frozenset({row.clip for row in mine} - {row.clip for row in other}),
        videos=frozenset({row.video for row in mine} - {row.video for row in other}),
        recordings=frozenset(recordings),
        sex=sex,
        enrolled=enrolled,
        sources={row.video: row.sha256 for row in mine},
        taken=frozenset(row.video for row in other),
    )


def _participant(subject: str, repository: Repository) -> tuple[str, int]:
    """Return sex and number in the order of enrolment, from the newest table that knows the subject."""
    here = {person.subject: person for person in read_participants()}
    if subject in here:
        return here[subject].sex, here[subject].enrolled
    for table in _tables(repository, PARTICIPANTS):
        for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig", "replace"))):
            number = row.get("enrolled") or ""
            if row.get("subject") == subject and number.isdecimal():
                sex = row.get("sex") or ""
                return sex if sex in SEXES else "", int(number)
    return "", 0


def _workspace() -> list[_Listed]:
    clips = read_clips() if CLIPS.is_file() else []
    return [_Listed(clip.clip, clip.video, clip.subject, clip.sha256) for clip in clips]


def _tables(repository: Repository, path: Path) -> list[bytes]:
    """Return every version of a table that some commit has, each once, newest first."""
    found = repository.read((commit, path) for commit in repository.everything())
    return list(dict.fromkeys(found.values()))


def _clips(table: bytes) -> Iterator[_Listed]:
    columns = ("clip", "video", "subject", "sha256")
    text = table.decode("utf-8-sig", "replace").replace("\0", "")
    for row in csv.DictReader(io.StringIO(text)):
        if all(row.get(column) for column in columns):
            yield _Listed(*(row[column] for column in columns))


def _owners(rows: Sequence[_Listed]) -> Mapping[str, str]:
    """Return whose each recording is; raise EmoError where it is two people's."""
    found: dict[str, _Listed] = {}
    for row in rows:
        first = found.setdefault(row.sha256, row)
        if first.subject != row.subject:
            raise EmoError(
                f"{CLIPS}: clips {first.clip} of {first.subject} and {row.clip} of {row.subject} are of one "
                "recording; correct the subject first, or erasing one erases the other's"
            )
    return {digest: row.subject for digest, row in found.items()}
