"""The subject to erase: everything that any version of the tables lists for it."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.cache import cache_root
from pipeline.runtime.digests import sha256_all
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, VIDEOS
from pipeline.schema.clips import read_clips
from pipeline.schema.participants import SEXES, read_participants
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.git import Repository


@dataclass(frozen=True)
class Subject:
    """A subject, and what belongs to the subject by name or by content."""

    code: str
    "The subject's id in the tables."
    clips: frozenset[str] = frozenset()
    "Ids of clips that no version of raw/clips.csv gives to another subject."
    videos: frozenset[str] = frozenset()
    "Paths below raw/videos that no version gives to another subject."
    recordings: frozenset[str] = frozenset()
    "SHA-256 of the recordings."
    sex: str = ""
    "Sex by the newest version that lists the subject."
    enrolled: int = 0
    "Number in the order of enrolment, from the newest version that lists the subject; 0: none does."
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    "Path below raw/videos -> SHA-256, of the recordings."
    videos_of_others: frozenset[str] = field(default=frozenset(), compare=False)
    "Paths below raw/videos that some version gives to another subject."

    def __or__(self, other: "Subject") -> "Subject":
        return Subject(
            self.code,
            self.clips | other.clips,
            self.videos | other.videos,
            self.recordings | other.recordings,
            self.sex or other.sex,
            self.enrolled or other.enrolled,
            {**other.sources, **self.sources},
            self.videos_of_others | other.videos_of_others,
        )


@dataclass(frozen=True)
class _Row:
    """The columns of raw/clips.csv that every version has."""

    clip: str
    video: str
    subject: str
    sha256: str


def find_subject(code: str, repository: Repository) -> Subject:
    """Return what all commits and the workspace list for a subject.

    A recording that was listed for two subjects belongs to the one that the workspace gives it to. Raises
    EmoError for a subject that no version lists, and if the workspace gives one of the recordings to two.
    """
    here = _workspace_rows()
    rows = [*here, *(row for table in _tables(repository, CLIPS) for row in _rows(table))]
    recordings = {row.sha256 for row in rows if row.subject == code}
    owners = _owners([row for row in here if row.sha256 in recordings])
    recordings = {digest for digest in recordings if owners.get(digest, code) == code}
    recordings |= {row.sha256 for row in read_withdrawn() if row.subject == code and row.sha256}
    sex, enrolled = _participant(code, repository)
    if not (recordings or enrolled):
        raise EmoError(
            f"{PARTICIPANTS}: no subject {code!r} in this or any earlier version; check its column "
            f"`subject`{repository.cut_note}"
        )
    own = [row for row in rows if row.sha256 in recordings]
    others = [row for row in rows if row.sha256 not in recordings]
    return Subject(
        code,
        clips=frozenset({row.clip for row in own} - {row.clip for row in others}),
        videos=frozenset({row.video for row in own} - {row.video for row in others}),
        recordings=frozenset(recordings),
        sex=sex,
        enrolled=enrolled,
        sources={row.video: row.sha256 for row in own},
        videos_of_others=frozenset(row.video for row in others),
    )


def with_unlisted(subject: Subject) -> Subject:
    """Add the recordings in the subject's folder that no table lists: an interrupted ingest left them.

    A copy of a recording that the table gives to another subject belongs to that subject. A file that is also
    in other folders, such as a note about all recordings, is the subject's by name only, not by content.
    """
    folder = VIDEOS / subject.code
    files = {path.relative_to(VIDEOS).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    unlisted = sorted(files.keys() - subject.videos_of_others - subject.videos)
    if not unlisted:
        return subject
    digests = video_digests()
    elsewhere = {digest for path, digest in digests.items() if not path.is_relative_to(folder)}
    of_others = {row.sha256 for row in _workspace_rows() if row.subject != subject.code}
    own = {name: digests[files[name]] for name in unlisted if digests[files[name]] not in of_others}
    sources = {name: digest for name, digest in own.items() if digest not in elsewhere}
    found = Subject(
        subject.code,
        videos=frozenset(own),
        recordings=frozenset(sources.values()),
        sources=sources,
    )
    return subject | found


def video_digests() -> dict[Path, str]:
    """Return the SHA-256 of every file below raw/videos."""
    paths = sorted(path for path in VIDEOS.rglob("*") if path.is_file())
    return sha256_all(paths, cache_root() / "videos.json")


def _participant(code: str, repository: Repository) -> tuple[str, int]:
    """Return sex and number in the order of enrolment, from the newest table that lists the subject."""
    here = {participant.subject: participant for participant in read_participants()}
    if code in here:
        return here[code].sex, here[code].enrolled
    for table in _tables(repository, PARTICIPANTS):
        for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig", "replace"))):
            number = row.get("enrolled") or ""
            if row.get("subject") == code and number.isdecimal():
                sex = row.get("sex") or ""
                return sex if sex in SEXES else "", int(number)
    return "", 0


def _workspace_rows() -> list[_Row]:
    clips = read_clips() if CLIPS.is_file() else []
    return [_Row(clip.clip, clip.video, clip.subject, clip.sha256) for clip in clips]


def _tables(repository: Repository, path: Path) -> list[bytes]:
    """Return every version of a table in any commit, each once, newest first."""
    found = repository.read((commit, path) for commit in repository.all_commits())
    return list(dict.fromkeys(found.values()))


def _rows(table: bytes) -> Iterator[_Row]:
    """Yield the rows of a version of raw/clips.csv; older versions may have other columns."""
    columns = ("clip", "video", "subject", "sha256")
    text = table.decode("utf-8-sig", "replace").replace("\0", "")
    for row in csv.DictReader(io.StringIO(text)):
        if all(row.get(column) for column in columns):
            yield _Row(*(row[column] for column in columns))


def _owners(rows: Sequence[_Row]) -> Mapping[str, str]:
    """Return the subject of each recording; raise EmoError if a recording has two."""
    found: dict[str, _Row] = {}
    for row in rows:
        first = found.setdefault(row.sha256, row)
        if first.subject != row.subject:
            raise EmoError(
                f"{CLIPS}: clips {first.clip} of {first.subject} and {row.clip} of {row.subject} share one "
                "recording; correct the subject first, otherwise erasing one subject erases data of the other"
            )
    return {digest: row.subject for digest, row in found.items()}
