"""One version of the dataset, as the tables in Git tell it: of a commit, a workspace or another clone.

No data need be there: raw/*.csv, data/split.csv, data/census.csv and dvc.lock are enough.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pipeline.runtime.csv_files import parse_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CENSUS, CLIPS, PARTICIPANTS, SPLIT, WITHDRAWALS, WITHDRAWALS_COPY
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.participants import GIVEN, Participant
from pipeline.schema.split import SplitRow, split_caveat
from pipeline.schema.withdrawals import Withdrawal
from pipeline.versions.dvc_lock import LOCK, StageLock, read_lock
from pipeline.versions.git import Commit, Repository

TABLES = (PARTICIPANTS, CLIPS, SPLIT, CENSUS, LOCK, WITHDRAWALS)
"""What a version is read from."""

MARKS = (CENSUS, SPLIT)
"""A commit that changes one of these makes a new version of the dataset."""

WORKSPACE = "workspace"

_RANGE = re.compile(r"(?P<one>.*[^/.])?(?P<dots>\.{2,3})(?P<other>[^/.@].*)?")
"""`A..B` and `A...B`, an end left out or not; the dots of `../clone@v1` and `..@v1` belong to a path."""

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
    withdrawn: frozenset[str] = frozenset()
    "subjects of raw/withdrawn.csv and, in a workspace, of the copy that Git does not keep"
    fault: str = ""
    "why it cannot be read, and is empty; empty where it can"

    @property
    def consenting(self) -> frozenset[str]:
        """The subjects who consent by this version's tables; `enrolment.consenting` asks those of today."""
        given = frozenset(person.subject for person in self.people if person.consent == GIVEN)
        return given - self.withdrawn

    @property
    def caveat(self) -> str:
        """What stands beside the number of subjects; empty where all of them are people."""
        return split_caveat(self.split.values())

    @property
    def consented(self) -> tuple[Clip, ...]:
        """The clips of those who consent."""
        consenting = self.consenting
        return tuple(clip for clip in self.clips if clip.subject in consenting)

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
    here = [path for path in (*TABLES, WITHDRAWALS_COPY) if (root / path).is_file()]
    return _version(name, root, "", {path: (root / path).read_bytes() for path in here})


def version_at(repository: Repository, revision: str) -> Version:
    """Return the version of one commit; raise EmoError for an unknown revision, and an unreadable one."""
    check_repository(repository)
    commit = repository.commit(revision)
    version = versions_at(repository, [commit], {commit: short(commit, revision)})[commit]
    if version.fault:
        raise EmoError(f"{version.name}: {version.fault}")
    return version


def check_repository(repository: Repository) -> None:
    """Raise EmoError where a project is in no Git repository."""
    root = repository.root.resolve()
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        raise EmoError(f"{repository.root}: no Git repository here; `git init`, then commit a first version")


def versions_at(
    repository: Repository, commits: Sequence[str], names: Mapping[str, str]
) -> dict[str, Version]:
    """Return the versions of several commits by their full hashes; read from Git in one go.

    One that cannot be read is empty and says so: nobody can mend an old commit.
    """
    found = repository.read((commit, path) for commit in commits for path in TABLES)
    texts: dict[str, dict[Path, bytes]] = {commit: {} for commit in commits}
    for (commit, path), data in found.items():
        texts[commit][path] = data
    return {
        commit: _readable(names.get(commit, commit[:7]), repository.root, commit, texts[commit])
        for commit in commits
    }


def resolve_pair(
    repository: Repository, before: str, after: str | None, here: Path
) -> tuple[Version, Version]:
    """Return the two versions of `emo diff`; `here` is the folder that paths are relative to.

    `A..B` names both; `A...B` B and what it has in common with A; without a second, it is the workspace.
    Raises EmoError where neither has a dataset.
    """
    is_range = after is None and before and not _is_project(here / before)
    found = _RANGE.fullmatch(before) if is_range else None
    if found:
        ends = (found["one"] or "HEAD", found["other"] or "HEAD")
        start = repository.merge_base(*ends) if found["dots"] == "..." else ends[0]
        pair = (resolve(repository, start, here), resolve(repository, ends[1], here))
    else:
        end = workspace(repository.root) if after is None else resolve(repository, after, here)
        pair = (resolve(repository, before, here), end)
    if not any(version.split or version.census for version in pair):
        raise EmoError(f"{pair[0].name}, {pair[1].name}: no dataset in either; `dvc repro` builds one")
    return pair


def resolve(repository: Repository, spec: str, here: Path) -> Version:
    """Return the version that a user names: `REV`, the folder of another clone, or `FOLDER@REV`.

    Raises EmoError where it is none of them.
    """
    folder, _, revision = spec.rpartition("@")
    if spec and _is_project(here / spec):  # an empty text, of a variable that is not set, is no folder
        return workspace((here / spec).resolve(), spec)
    if folder and _is_project(here / folder):
        try:
            version = version_at(Repository((here / folder).resolve()), revision)
        except EmoError as error:
            raise EmoError(f"{folder}@{error}") from None
        return replace(version, name=f"{folder}@{version.name}")
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


def nothing(root: Path, name: str = "nothing", commit: str = "", fault: str = "") -> Version:
    """Return a version that holds nobody: that before the first, or one that cannot be read."""
    return Version(name, root, commit, (), (), {}, (), {}, fault=fault)


def _readable(name: str, root: Path, commit: str, texts: Mapping[Path, bytes]) -> Version:
    try:
        return _version(name, root, commit, texts)
    except EmoError as error:
        return nothing(root, name, commit, str(error).removeprefix(f"{name}: "))


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
            lock=read_lock(texts[LOCK].decode(errors="replace"), str(LOCK)) if LOCK in texts else {},
            withdrawn=frozenset(
                row.subject for path in (WITHDRAWALS, WITHDRAWALS_COPY) for row in rows(path, Withdrawal)
            ),
        )
    except EmoError as error:
        raise EmoError(f"{name}: {error}") from None


@cache
def _parsed(data: bytes, record: Any, key: str | None, where: str) -> tuple[Any, ...]:
    """Parse a table; most commits leave most tables as they were."""
    return tuple(parse_csv(data.decode("utf-8-sig", "replace"), record, key=key, where=where))
