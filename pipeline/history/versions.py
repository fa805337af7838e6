"""`emo versions`: the commits that changed the dataset, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import EmoError
from pipeline.history.diff import Diff, compare
from pipeline.history.git import Commit, Repository
from pipeline.history.version import MARKS, Version, name_of, versions_at, workspace

_EMPTY = "nothing"


@dataclass(frozen=True)
class Step:
    """One version in the history, and what it changed."""

    commit: Commit | None
    "None: the workspace, where it is not what was committed last"
    version: Version
    diff: Diff
    "from the version before it; from an empty one for the first"

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "commit": self.commit.id if self.commit else "",
            "names": list(self.commit.names) if self.commit else [],
            "when": self.commit.when if self.commit else "",
            "message": self.commit.subject if self.commit else "",
            "subjects": len(self.version.split),
            "clips": len(self.version.consented),
            "images": self.version.images,
            "changes": self.diff.as_json(),
        }

    def row(self) -> list[str]:
        """Return the row of the table."""
        commit = self.commit
        changes = "; ".join(self.diff.phrases()) or "the same images"
        counts = [len(self.version.split), len(self.version.consented), self.version.images]
        return [
            self.version.name,
            commit.when[:10] if commit else "",
            *(f"{count:,}" for count in counts),
            f"{commit.subject}\n{changes}" if commit else changes,
        ]


HEADER = ["version", "date", "subjects", "clips", "images", "what changed"]
"""Of `Step.row`."""


def history(repository: Repository, revision: str = "HEAD", *, with_workspace: bool = True) -> list[Step]:
    """Return the versions up to a revision, newest first; the workspace comes before them if it differs.

    Raises EmoError where there is no commit, or none has a dataset.
    """
    commits = repository.log(MARKS, revision)
    if not commits:
        raise EmoError(
            f"{repository.root}: no commit has a dataset; commit what `dvc repro` wrote to data/*.csv"
            f"{repository.cut_note}"
        )
    commits = _with_later_tags(repository, commits)
    names = {commit.id: name_of(commit) for commit in commits}
    versions = versions_at(repository, [commit.id for commit in commits], names)
    steps = [_step(commit, versions, repository.root) for commit in commits]
    return [*_workspace(repository, versions[commits[0].id], with_workspace), *steps]


def _with_later_tags(repository: Repository, commits: Sequence[Commit]) -> list[Commit]:
    """Give each version also the tags of later commits that left the dataset as it was."""
    known = {commit.id: list(commit.names) for commit in commits}
    for tag, commit in repository.tags().items():
        home = commit if commit in known else repository.last_change(MARKS, commit)
        if home in known and tag not in known[home]:
            known[home].append(tag)
    return [replace(commit, names=tuple(known[commit.id])) for commit in commits]


def earlier_versions(repository: Repository) -> list[Version]:
    """Return the versions up to HEAD, newest first; none where nothing is committed."""
    commits = repository.log(MARKS) if repository.has_commits else []
    names = {commit.id: name_of(commit) for commit in commits}
    return list(versions_at(repository, [commit.id for commit in commits], names).values())


def _step(commit: Commit, versions: dict[str, Version], root: Path) -> Step:
    known = [parent for parent in commit.parents if parent in versions]
    before = versions[known[0]] if known else nothing(root)
    return Step(commit, versions[commit.id], compare(before, versions[commit.id]))


def _workspace(repository: Repository, last: Version, wanted: bool) -> list[Step]:
    here = workspace(repository.root)
    diff = compare(last, here)
    return [Step(None, here, diff)] if wanted and diff.changes_dataset else []


def nothing(root: Path) -> Version:
    """Return the version before the first: it holds nobody."""
    return Version(_EMPTY, root, "", (), (), {}, (), {})
