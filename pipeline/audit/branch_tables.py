"""What the branches and tags list: withdrawn subjects, and the subject of every clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.runtime.csv_files import parse_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS
from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip
from pipeline.schema.participants import WITHDRAWN, Participant
from pipeline.versions.git import Repository

T = TypeVar("T")


@dataclass(frozen=True)
class BranchTables:
    """What the tables of raw/ on all branches and tags list."""

    withdrawn: dict[str, str]
    "Subject -> the branch or tag that lists it as withdrawn."
    clips: dict[str, str]
    "clip -> subject."
    note: str
    "Branches and tags that could not be read."


def read_branch_tables(repository: Repository) -> BranchTables:
    """Read the tables of raw/ on every branch and tag; tables that several share are parsed once."""
    names = {commit: name for name, commit in sorted(repository.tips().items(), reverse=True)}
    texts = repository.read((commit, path) for commit in names for path in (PARTICIPANTS, CLIPS))
    known = {(path, data): names[commit] for (commit, path), data in texts.items()}
    withdrawn: dict[str, str] = {}
    clips: dict[str, str] = {}
    unread: list[str] = []
    for (path, data), name in known.items():
        try:
            if path == CLIPS:
                clips |= {clip.clip: clip.subject for clip in _parsed(data, Clip, name)}
            else:
                participants = _parsed(data, Participant, name)
                withdrawn |= {p.subject: f"{path} of {name}" for p in participants if p.consent == WITHDRAWN}
        except EmoError:
            unread.append(name)
    return BranchTables(
        withdrawn, clips, f"; not readable: {listed(dict.fromkeys(unread))}" if unread else ""
    )


def _parsed(data: bytes, record: type[T], name: str) -> Sequence[T]:
    return parse_csv(data.decode("utf-8-sig", "replace"), record, key=None, where=name)
