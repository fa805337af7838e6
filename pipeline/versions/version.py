"""One version of the dataset, read from the tables in Git: of a commit, a workspace or another clone.

No data are needed: raw/*.csv, data/split.csv, data/census.csv and dvc.lock are enough.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from pipeline.runtime.csv_files import parse_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import flattened
from pipeline.runtime.paths import (
    CENSUS,
    CLIPS,
    DECISIONS,
    PARTICIPANTS,
    SPLIT,
    WITHDRAWALS,
    WITHDRAWALS_COPY,
)
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import Decision, parse_decisions
from pipeline.schema.ledger import Ledger, ledger_of
from pipeline.schema.participants import Participant, may_be_shown
from pipeline.schema.split import SplitRow, split_caveat
from pipeline.schema.withdrawals import Withdrawal
from pipeline.versions.dvc_lock import LOCK, StageLock, read_lock
from pipeline.versions.git import Commit, Repository

TABLES = (PARTICIPANTS, CLIPS, DECISIONS, SPLIT, CENSUS, LOCK, WITHDRAWALS)
"""The files from which a version is read."""

DATASET_TABLES = (CENSUS, SPLIT)
"""A commit that changes one of these is a new version of the dataset."""

WORKSPACE = "workspace"

_RANGE = re.compile(r"(?P<one>.*[^/.])?(?P<dots>\.{2,3})(?P<other>[^/.@].*)?")
"""`A..B` and `A...B`, also without one end; the dots of `../clone@v1` and `..@v1` belong to a path."""

T = TypeVar("T")


@dataclass(frozen=True)
class Version:
    """The tables of one version; missing tables are empty."""

    name: str
    "Short hash with its tags and branches, or `workspace`."
    root: Path
    "The project's folder."
    commit: str
    "Full hash; empty for a workspace."
    participants: tuple[Participant, ...]
    "Participants in the order of enrolment."
    clips: tuple[Clip, ...]
    split: Mapping[str, SplitRow]
    "Rows of data/split.csv by subject."
    census: tuple[CensusRow, ...]
    lock: Mapping[str, StageLock]
    "dvc.lock by stage."
    withdrawn: frozenset[str] = frozenset()
    "Subjects of raw/withdrawn.csv and, in a workspace, of the copy outside Git."
    decisions: tuple[Decision, ...] = ()
    "Rows of raw/decisions.csv, in the order of entry."
    error: str = ""
    "Why the version cannot be read; empty if it can."

    @property
    def processable(self) -> frozenset[str]:
        """The subjects who have not withdrawn by the tables of this version, not the current ones."""
        return frozenset(row.subject for row in self.participants if may_be_shown(row)) - self.withdrawn

    @property
    def caveat(self) -> str:
        """The caveat of all metrics if some subjects are unknown; empty if all are known."""
        return split_caveat(self.split.values())

    @property
    def processable_clips(self) -> tuple[Clip, ...]:
        """The clips of the subjects who have not withdrawn."""
        subjects = self.processable
        return tuple(clip for clip in self.clips if clip.subject in subjects)

    @cached_property
    def ledger(self) -> Ledger:
        """The decisions about the clips of this version."""
        return ledger_of(self.decisions, self.clips)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which the outputs were made, by dotted key, as this version of emo names them."""
        return {
            f"{name}.{key}": value
            for name, stage in self.lock.items()
            for key, value in flattened(stage.section(name))
            if value != {}
        }

    @property
    def images(self) -> int:
        """Number of images of the dataset."""
        return sum(row.images for row in self.census)

    def out(self, path: Path) -> str:
        """Return the MD5 under which DVC keeps an output; empty if dvc.lock does not list it."""
        name = path.as_posix()
        return next((stage.outs[name] for stage in self.lock.values() if name in stage.outs), "")


def workspace(root: Path, name: str = WORKSPACE) -> Version:
    """Return the version in a project's folder, committed or not."""
    here = [path for path in (*TABLES, WITHDRAWALS_COPY) if (root / path).is_file()]
    return _version(name, root, "", {path: (root / path).read_bytes() for path in here})


def version_at(repository: Repository, revision: str) -> Version:
    """Return the version of one commit.

    Raises UnknownRevisionError if Git does not know the revision, EmoError if it cannot be read.
    """
    check_repository(repository)
    commit = repository.commit(revision)
    version = versions_at(repository, [commit], {commit: short(commit, revision)})[commit]
    if version.error:
        raise EmoError(f"{version.name}: {version.error}")
    return version


def check_repository(repository: Repository) -> None:
    """Raise EmoError if a project is not in a Git repository."""
    root = repository.root.resolve()
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        raise EmoError(f"{repository.root}: not a Git repository; run `git init` and commit a first version")


def versions_at(
    repository: Repository, commits: Sequence[str], names: Mapping[str, str]
) -> dict[str, Version]:
    """Return the versions of several commits by their full hashes, read from Git at once.

    A version that cannot be read is empty and has an `error`: an old commit cannot be fixed.
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
    """Return the two versions of `emo diff`; `here` is the folder to which paths are relative.

    `A..B` names both versions; `A...B` compares B with the last commit that it shares with A. Without a
    second version, the first is compared with the workspace. Raises EmoError if neither has a dataset.
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
        raise EmoError(
            f"{pair[0].name}, {pair[1].name}: neither version has a dataset; build one with `dvc repro`"
        )
    return pair


def resolve(repository: Repository, spec: str, here: Path) -> Version:
    """Return the version that a user names: `REV`, the folder of another clone, or `FOLDER@REV`.

    Raises UnknownRevisionError if it is none of them.
    """
    folder, _, revision = spec.rpartition("@")
    if spec and _is_project(here / spec):  # an empty text, as of an unset variable, is no folder
        return workspace((here / spec).resolve(), spec)
    if folder and _is_project(here / folder):
        try:
            version = version_at(Repository((here / folder).resolve()), revision)
        except EmoError as error:
            raise type(error)(f"{folder}@{error}") from None
        return replace(version, name=f"{folder}@{version.name}")
    return version_at(repository, spec)


def _is_project(folder: Path) -> bool:
    return (folder / "dvc.yaml").is_file()


def short(commit: str, *names: str) -> str:
    """Return the short name of a commit: `1a2b3c4 (v1)`."""
    shown = [name for name in names if name and not commit.startswith(name)]
    return f"{commit[:7]} ({', '.join(shown)})" if shown else commit[:7]


def name_of(commit: Commit) -> str:
    """Return the short name of a commit with its tags and branches."""
    return short(commit.id, *commit.names)


def empty_version(root: Path, name: str = "nothing", commit: str = "", error: str = "") -> Version:
    """Return a version without subjects: that before the first, or one that cannot be read."""
    return Version(name, root, commit, (), (), {}, (), {}, error=error)


def _readable(name: str, root: Path, commit: str, texts: Mapping[Path, bytes]) -> Version:
    try:
        return _version(name, root, commit, texts)
    except EmoError as error:
        return empty_version(root, name, commit, str(error).removeprefix(f"{name}: "))


def _version(name: str, root: Path, commit: str, texts: Mapping[Path, bytes]) -> Version:
    def rows(path: Path, record: type[T], key: str | None = None) -> tuple[T, ...]:
        return _parsed(texts[path], cast(Hashable, record), key, str(path)) if path in texts else ()

    try:
        return Version(
            name=name,
            root=root,
            commit=commit,
            participants=tuple(sorted(rows(PARTICIPANTS, Participant, "subject"), key=lambda p: p.enrolled)),
            clips=rows(CLIPS, Clip, "clip"),
            split={row.subject: row for row in rows(SPLIT, SplitRow, "subject")},
            census=rows(CENSUS, CensusRow),
            lock=read_lock(texts[LOCK].decode(errors="replace"), str(LOCK)) if LOCK in texts else {},
            decisions=_decisions(texts[DECISIONS]) if DECISIONS in texts else (),
            withdrawn=frozenset(
                row.subject for path in (WITHDRAWALS, WITHDRAWALS_COPY) for row in rows(path, Withdrawal)
            ),
        )
    except EmoError as error:
        raise EmoError(f"{name}: {error}") from None


@cache
def _decisions(data: bytes) -> tuple[Decision, ...]:
    return tuple(parse_decisions(data.decode("utf-8-sig", "replace"), str(DECISIONS)))


@cache
def _parsed(data: bytes, record: Any, key: str | None, where: str) -> tuple[Any, ...]:
    """Parse a table, once for all commits that share it."""
    return tuple(parse_csv(data.decode("utf-8-sig", "replace"), record, key=key, where=where))
