"""One version of the dataset, as the tables in Git tell it: of a commit, a workspace or another clone.

No data need be there: raw/*.csv, data/split.csv, data/census.csv and dvc.lock are enough.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pipeline.core.dataset import CensusRow, SplitRow
from pipeline.core.enrolment import GIVEN, Clip, Participant
from pipeline.core.errors import EmoError
from pipeline.core.paths import CENSUS, CLIPS, PARTICIPANTS, SPLIT
from pipeline.core.tables import parse_csv
from pipeline.history.git import Commit, Repository
from pipeline.history.lock import LOCK, StageLock, read_lock

TABLES = (PARTICIPANTS, CLIPS, SPLIT, CENSUS, LOCK)
"""What a version is read from."""

MARKS = (CENSUS, SPLIT)
"""A commit that changes one of these makes a new version of the dataset."""

WORKSPACE = "workspace"

T = TypeVar("T")


@dataclass(frozen=True)
class Version:
    """What one version holds; empty where a table is not there."""

    name: str
    "as people know it: a short hash with its tags, or `workspace`"
    root: Path
    "the project's folder"
    commit: str
    "full hash; empty for a workspace"
    people: tuple[Participant, ...]
    clips: tuple[Clip, ...]
    split: Mapping[str, SplitRow]
    "by subject"
    census: tuple[CensusRow, ...]
    lock: Mapping[str, StageLock]
    "by stage"

    @property
    def consented(self) -> tuple[Clip, ...]:
        """The clips of those who consent."""
        given = {person.subject for person in self.people if person.consent == GIVEN}
        return tuple(clip for clip in self.clips if clip.subject in given)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the outputs were made with, by dotted key: of each section as its stage ran."""
        return {
            key: value
            for name, stage in self.lock.items()
            for key, value in stage.params.items()
            if key.partition(".")[0] == name
        }

    @property
    def images(self) -> int:
        """How many images the dataset has."""
        return sum(row.images for row in self.census)

    def out(self, path: Path) -> str:
        """Return the MD5 under which DVC keeps an output; empty where dvc.lock does not know it."""
        name = path.as_posix()
        return next((stage.outs[name] for stage in self.lock.values() if name in stage.outs), "")


def workspace(root: Path, name: str = WORKSPACE) -> Version:
    """Return the version that the files of a project's folder make, committed or not."""
    texts = {path: (root / path).read_bytes() for path in TABLES if (root / path).is_file()}
    return _version(name, root, "", texts)


def version_at(repository: Repository, revision: str) -> Version:
    """Return the version of one commit; raise EmoError for an unknown revision."""
    commit = repository.commit(revision)
    return versions_at(repository, [commit], {commit: short(commit, revision)})[commit]


def versions_at(
    repository: Repository, commits: Sequence[str], names: Mapping[str, str]
) -> dict[str, Version]:
    """Return the versions of several commits by their full hashes; read from Git in one go."""
    found = repository.read((commit, path) for commit in commits for path in TABLES)
    texts: dict[str, dict[Path, bytes]] = {commit: {} for commit in commits}
    for (commit, path), data in found.items():
        texts[commit][path] = data
    return {
        commit: _version(names.get(commit, commit[:7]), repository.root, commit, texts[commit])
        for commit in commits
    }


def resolve_pair(
    repository: Repository, before: str, after: str | None, here: Path
) -> tuple[Version, Version]:
    """Return the two versions of `emo diff`; `here` is the folder that paths are relative to.

    `A..B` names both; `A...B` B and what it has in common with A; without a second, it is the workspace.
    """
    if after is None and not _is_project(here / before) and ".." in before:
        one, dots, other = before.partition("..." if "..." in before else "..")
        ends = (one or "HEAD", other or "HEAD")
        start = repository.merge_base(*ends) if dots == "..." else ends[0]
        return resolve(repository, start, here), resolve(repository, ends[1], here)
    end = workspace(repository.root) if after is None else resolve(repository, after, here)
    return resolve(repository, before, here), end


def resolve(repository: Repository, spec: str, here: Path) -> Version:
    """Return the version that a user names: `REV`, the folder of another clone, or `FOLDER@REV`.

    Raises EmoError where it is none of them.
    """
    folder, _, revision = spec.rpartition("@")
    if _is_project(here / spec):
        return workspace((here / spec).resolve(), spec)
    if folder and _is_project(here / folder):
        return version_at(Repository((here / folder).resolve()), revision)
    return version_at(repository, spec)


def _is_project(folder: Path) -> bool:
    return (folder / "dvc.yaml").is_file()


def short(commit: str, *names: str) -> str:
    """Return a commit's name for people: `1a2b3c4 (v1)`."""
    told = [name for name in names if name and not commit.startswith(name)]
    return f"{commit[:7]} ({', '.join(told)})" if told else commit[:7]


def name_of(commit: Commit) -> str:
    """Return the name of a commit with its tags and branches."""
    return short(commit.id, *commit.names)


def _version(name: str, root: Path, commit: str, texts: Mapping[Path, bytes]) -> Version:
    def rows(path: Path, record: type[T], key: str | None = None) -> tuple[T, ...]:
        return _parsed(texts[path], cast(Hashable, record), key, str(path)) if path in texts else ()

    try:
        return Version(
            name=name,
            root=root,
            commit=commit,
            people=tuple(sorted(rows(PARTICIPANTS, Participant, "subject"), key=lambda p: p.enrolled)),
            clips=rows(CLIPS, Clip, "clip"),
            split={row.subject: row for row in rows(SPLIT, SplitRow, "subject")},
            census=rows(CENSUS, CensusRow),
            lock=read_lock(texts[LOCK].decode(), str(LOCK)) if LOCK in texts else {},
        )
    except EmoError as error:
        raise EmoError(f"{name}: {error}") from None


@cache
def _parsed(data: bytes, record: Any, key: str | None, where: str) -> tuple[Any, ...]:
    """Parse a table; most commits leave most tables as they were."""
    return tuple(parse_csv(data.decode("utf-8-sig", "replace"), record, key=key, where=where))
