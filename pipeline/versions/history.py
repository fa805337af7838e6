"""The history of the dataset: the commits that changed it, and what each changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.runtime.errors import EmoError
from pipeline.versions.diff import Change, Diff, compare, moves
from pipeline.versions.git import Commit, Repository
from pipeline.versions.version import (
    DATASET_TABLES,
    Version,
    check_repository,
    empty_version,
    name_of,
    versions_at,
    workspace,
)


@dataclass(frozen=True)
class Step:
    """One version in the history, and its changes."""

    commit: Commit | None
    "None: the workspace, if it differs from the last commit."
    version: Version
    diff: Diff | None
    "Difference from the previous version, or from an empty one for the first; None if it is unknown."

    @property
    def changes(self) -> str:
        """The changes in short."""
        if self.version.error:
            return f"CANNOT BE READ: {self.version.error}"
        if self.diff is None:
            return "oldest version of this shallow clone"
        return "; ".join(self.diff.phrases()) or "same images"

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "commit": self.commit.id if self.commit else "",
            "names": list(self.commit.names) if self.commit else [],
            "when": self.commit.when if self.commit else "",
            "message": self.commit.subject if self.commit else "",
            "fault": self.version.error,
            "subjects": len(self.version.split),
            "subjects_known": self.version.caveat or "all",
            "clips": len(self.version.processable_clips),
            "images": self.version.images,
            "changes": self.diff.as_json() if self.diff else None,
        }

    def row(self) -> list[str]:
        """Return the row of `emo versions`."""
        commit = self.commit
        counts = [len(self.version.split), len(self.version.processable_clips), self.version.images]
        subjects, clips, images = ("-" if self.version.error else f"{count:,}" for count in counts)
        return [
            self.version.name,
            commit.when[:10] if commit else "",
            f"{subjects}\n{self.version.caveat}" if self.version.caveat else subjects,
            clips,
            images,
            f"{commit.subject}\n{self.changes}" if commit else self.changes,
        ]


HEADER = ["version", "date", "subjects", "clips", "images", "what changed"]
"""The header of `Step.row`."""


def history(repository: Repository, revision: str = "HEAD", *, with_workspace: bool = True) -> list[Step]:
    """Return the versions up to a revision, newest first; the workspace comes first if it differs.

    A commit that changes only the form of the tables is no version. Raises EmoError if no commit has a
    dataset.
    """
    check_repository(repository)
    commits = repository.log(DATASET_TABLES, revision)
    if not commits:
        raise EmoError(
            f"{repository.root}: no commit has a dataset; run `dvc repro` and commit data/*.csv"
            f"{repository.cut_note}"
        )
    commits = _with_later_tags(repository, commits)
    versions = _read(repository, commits)
    steps = _without_rewritten(_steps(repository, commits, versions), repository.tags())
    return [*(_workspace(repository, versions) if with_workspace else ()), *steps]


def earlier_versions(repository: Repository) -> list[Version]:
    """Return the versions up to HEAD and on merged branches, newest first; empty without a commit."""
    commits = repository.log(DATASET_TABLES, full=True) if repository.has_commits else []
    return list(_read(repository, commits).values())


def all_moves(repository: Repository) -> list[Change]:
    """Return every change of split, also on merged branches and in the workspace, oldest first."""
    commits = {commit.id: commit for commit in repository.log(DATASET_TABLES, full=True)}
    versions = _read(repository, list(commits.values()))
    found = [
        change
        for commit in reversed(commits.values())
        for before in _before(commit, commits, versions)
        for change in moves(before, versions[commit.id])
    ]
    found += moves(_last(repository, versions), workspace(repository.root))
    return list(dict.fromkeys(found))


def _read(repository: Repository, commits: Sequence[Commit]) -> dict[str, Version]:
    names = {commit.id: name_of(commit) for commit in commits}
    return versions_at(repository, [commit.id for commit in commits], names)


def _last(repository: Repository, versions: Mapping[str, Version]) -> Version:
    """Return the newest readable version, or an empty one."""
    return next(
        (version for version in versions.values() if not version.error), empty_version(repository.root)
    )


def _before(
    commit: Commit, commits: Mapping[str, Commit], versions: Mapping[str, Version]
) -> Iterator[Version]:
    """Yield the last readable version before a commit for each parent, the first parent's first."""
    for parent in commit.parents:
        while parent in versions and versions[parent].error:
            parent = next(iter(commits[parent].parents), "")
        if parent in versions:
            yield versions[parent]


def _with_later_tags(repository: Repository, commits: Sequence[Commit]) -> list[Commit]:
    """Add to each version the tags of later commits that left the dataset unchanged.

    The tables of all tags are read at once and compared; only if several versions have the same tables, Git
    has to find the right one. Tags of anything but a commit are left out.
    """
    known = {commit.id: list(commit.names) for commit in commits}
    tags = {tag: commit for tag, commit in repository.tags().items() if commit not in known}
    commits_read = (*known, *tags.values())
    read = repository.read((commit, path) for commit in commits_read for path in DATASET_TABLES)
    tables = {commit: [read.get((commit, path)) for path in DATASET_TABLES] for commit in commits_read}
    for tag, commit in tags.items():
        equal = [version for version in known if tables[version] == tables[commit] and any(tables[version])]
        version = equal[0] if len(equal) == 1 else _last_change(repository, commit) if equal else ""
        if version in known:
            known[version].append(tag)
    return [replace(commit, names=tuple(known[commit.id])) for commit in commits]


def _last_change(repository: Repository, commit: str) -> str:
    """Return the commit that last changed the dataset of a tag; empty if the tag names no commit."""
    try:
        return repository.last_change(DATASET_TABLES, commit)
    except EmoError:
        return ""


def _steps(
    repository: Repository, commits: Sequence[Commit], versions: Mapping[str, Version]
) -> Iterator[Step]:
    first = None if repository.is_shallow else empty_version(repository.root)
    by_id = {commit.id: commit for commit in commits}
    for commit in commits:
        version = versions[commit.id]
        before = next(_before(commit, by_id, versions), first)
        yield Step(commit, version, compare(before, version) if before and not version.error else None)


def _without_rewritten(steps: Iterator[Step], tags: Mapping[str, str]) -> Iterator[Step]:
    """Leave out versions without any change; their tags go to the version before."""
    passed_on: dict[str, tuple[str, ...]] = {}
    for step in steps:
        assert step.commit
        names = (*step.commit.names, *passed_on.pop(step.commit.id, ()))
        if step.diff and step.diff.is_empty and step.diff.before.commit:
            own = tuple(name for name in names if name in tags)
            passed_on[step.diff.before.commit] = (*passed_on.get(step.diff.before.commit, ()), *own)
        else:
            commit = replace(step.commit, names=names)
            yield replace(step, commit=commit, version=replace(step.version, name=name_of(commit)))


def _workspace(repository: Repository, versions: Mapping[str, Version]) -> list[Step]:
    """Return the step of the workspace if it differs from the last readable version."""
    here = workspace(repository.root)
    diff = compare(_last(repository, versions), here)
    return [Step(None, here, diff)] if diff.changes_dataset else []
