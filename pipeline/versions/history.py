"""`emo versions`: the commits that changed the dataset, and how."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.runtime.errors import EmoError
from pipeline.versions.diff import Change, Diff, compare, moves
from pipeline.versions.git import Commit, Repository
from pipeline.versions.version import (
    MARKS,
    Version,
    check_repository,
    name_of,
    nothing,
    versions_at,
    workspace,
)


@dataclass(frozen=True)
class Step:
    """One version in the history, and what it changed."""

    commit: Commit | None
    "None: the workspace, where it is not what was committed last"
    version: Version
    diff: Diff | None
    "from the version before it; from an empty one for the first; None where that is not known"

    @property
    def changes(self) -> str:
        """What changed, in short."""
        if self.version.fault:
            return f"CANNOT BE READ: {self.version.fault}"
        if self.diff is None:
            return "the oldest version here; the clone is shallow"
        return "; ".join(self.diff.phrases()) or "the same images"

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "commit": self.commit.id if self.commit else "",
            "names": list(self.commit.names) if self.commit else [],
            "when": self.commit.when if self.commit else "",
            "message": self.commit.subject if self.commit else "",
            "fault": self.version.fault,
            "subjects": len(self.version.split),
            "subjects_known": self.version.caveat or "all",
            "clips": len(self.version.consented),
            "images": self.version.images,
            "changes": self.diff.as_json() if self.diff else None,
        }

    def row(self) -> list[str]:
        """Return the row of the table."""
        commit = self.commit
        counts = [len(self.version.split), len(self.version.consented), self.version.images]
        subjects, clips, images = ("-" if self.version.fault else f"{count:,}" for count in counts)
        return [
            self.version.name,
            commit.when[:10] if commit else "",
            f"{subjects}\n{self.version.caveat}" if self.version.caveat else subjects,
            clips,
            images,
            f"{commit.subject}\n{self.changes}" if commit else self.changes,
        ]


HEADER = ["version", "date", "subjects", "clips", "images", "what changed"]
"""Of `Step.row`."""


def history(repository: Repository, revision: str = "HEAD", *, with_workspace: bool = True) -> list[Step]:
    """Return the versions up to a revision, newest first; the workspace comes before them if it differs.

    A commit that only wrote the same in another form is no version. Raises EmoError where there is no commit,
    or none has a dataset.
    """
    check_repository(repository)
    commits = repository.log(MARKS, revision)
    if not commits:
        raise EmoError(
            f"{repository.root}: no commit has a dataset; commit what `dvc repro` wrote to data/*.csv"
            f"{repository.cut_note}"
        )
    commits = _with_later_tags(repository, commits)
    versions = _read(repository, commits)
    steps = _without_rewritten(_steps(repository, commits, versions), repository.tags())
    return [*(_workspace(repository, versions) if with_workspace else ()), *steps]


def earlier_versions(repository: Repository) -> list[Version]:
    """Return the versions up to HEAD, newest first, those of merged branches too; none without a commit."""
    commits = repository.log(MARKS, full=True) if repository.has_commits else []
    return list(_read(repository, commits).values())


def all_moves(repository: Repository) -> list[Change]:
    """Return who ever moved to another split, on merged branches and in the workspace too, oldest first."""
    commits = {commit.id: commit for commit in repository.log(MARKS, full=True)}
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
    """Return the newest version that can be read."""
    return next((version for version in versions.values() if not version.fault), nothing(repository.root))


def _before(
    commit: Commit, commits: Mapping[str, Commit], versions: Mapping[str, Version]
) -> Iterator[Version]:
    """Yield the last readable versions before a commit, one by each parent, the first parent's first."""
    for parent in commit.parents:
        while parent in versions and versions[parent].fault:
            parent = next(iter(commits[parent].parents), "")
        if parent in versions:
            yield versions[parent]


def _with_later_tags(repository: Repository, commits: Sequence[Commit]) -> list[Commit]:
    """Give each version also the tags of later commits that left the dataset as it was.

    All tags are read at once, and know their version by its tables; only of several with the same tables Git
    is asked which it is. Tags of anything but a commit are left out.
    """
    known = {commit.id: list(commit.names) for commit in commits}
    tags = {tag: commit for tag, commit in repository.tags().items() if commit not in known}
    commits_read = (*known, *tags.values())
    read = repository.read((commit, path) for commit in commits_read for path in MARKS)
    tables = {commit: [read.get((commit, path)) for path in MARKS] for commit in commits_read}
    for tag, commit in tags.items():
        homes = [home for home in known if tables[home] == tables[commit] and any(tables[home])]
        home = homes[0] if len(homes) == 1 else _home(repository, commit) if homes else ""
        if home in known:
            known[home].append(tag)
    return [replace(commit, names=tuple(known[commit.id])) for commit in commits]


def _home(repository: Repository, commit: str) -> str:
    """Return the commit that a tag's dataset is from; empty where the tag names no commit."""
    try:
        return repository.last_change(MARKS, commit)
    except EmoError:
        return ""


def _steps(
    repository: Repository, commits: Sequence[Commit], versions: Mapping[str, Version]
) -> Iterator[Step]:
    first = None if repository.is_shallow else nothing(repository.root)
    by_id = {commit.id: commit for commit in commits}
    for commit in commits:
        version = versions[commit.id]
        before = next(_before(commit, by_id, versions), first)
        yield Step(commit, version, compare(before, version) if before and not version.fault else None)


def _without_rewritten(steps: Iterator[Step], tags: Mapping[str, str]) -> Iterator[Step]:
    """Leave out versions in which nothing differs; their tags are also those of the version before."""
    handed_on: dict[str, tuple[str, ...]] = {}
    for step in steps:
        assert step.commit
        names = (*step.commit.names, *handed_on.pop(step.commit.id, ()))
        if step.diff and step.diff.is_empty and step.diff.before.commit:
            own = tuple(name for name in names if name in tags)
            handed_on[step.diff.before.commit] = (*handed_on.get(step.diff.before.commit, ()), *own)
        else:
            commit = replace(step.commit, names=names)
            yield replace(step, commit=commit, version=replace(step.version, name=name_of(commit)))


def _workspace(repository: Repository, versions: Mapping[str, Version]) -> list[Step]:
    """Return the workspace's step where it differs from the last version that can be read."""
    here = workspace(repository.root)
    diff = compare(_last(repository, versions), here)
    return [Step(None, here, diff)] if diff.changes_dataset else []
