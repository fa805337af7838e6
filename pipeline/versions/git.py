"""Reads a project's history with the program `git`; nothing is checked out or changed."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.runtime.errors import EmoError, UnknownRevisionError

_FIELD, _RECORD = "\x1f", "\x1e"
_EXPERIMENT = re.compile(r"exps/([0-9a-f]{2})/([0-9a-f]{38})/(.+)")


@dataclass(frozen=True)
class Commit:
    """One commit."""

    id: str
    "Full hash."
    parents: tuple[str, ...]
    when: str
    "Date of the commit, ISO 8601."
    subject: str
    "First line of the message."
    names: tuple[str, ...]
    "Tags, then branches, that point at it."


@dataclass(frozen=True)
class Experiment:
    """An experiment of `dvc exp run`: a commit that is on no branch."""

    name: str
    "Name of the experiment; experiments of different base commits may share it."
    commit: str
    "Full hash."
    base: str
    "Full hash of the commit that it started from."


@dataclass(frozen=True)
class Repository:
    """The Git repository that holds a project; `root` is the project's folder."""

    root: Path

    def commit(self, revision: str) -> str:
        """Return the full hash of a revision; raise UnknownRevisionError if Git does not know it."""
        shown = revision if revision.isprintable() and revision.strip() else repr(revision)
        if not revision.strip() or revision.startswith("-"):  # Git would read it as an option
            raise UnknownRevisionError(f"{shown}: not a revision")
        done = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode:
            self._check()
            raise UnknownRevisionError(
                f"{shown}: unknown revision; `emo versions` lists the versions{self.cut_note}"
            )
        return done.stdout.decode().strip()

    def merge_base(self, one: str, other: str) -> str:
        """Return the last commit that two revisions have in common; raise EmoError if there is none."""
        done = self._git("merge-base", self.commit(one), self.commit(other))
        if done.returncode:
            raise EmoError(f"{one}...{other}: these revisions have no commit in common{self.cut_note}")
        return done.stdout.decode().strip()

    @cached_property
    def is_shallow(self) -> bool:
        """Whether the clone lacks older commits."""
        return self._git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"

    @property
    def cut_note(self) -> str:
        """The end of a message if something may be missing because the clone is shallow; else empty."""
        if not self.is_shallow:
            return ""
        return "; the clone is shallow, `git fetch --unshallow` fetches the older commits"

    @cached_property
    def has_commits(self) -> bool:
        """Whether there is a repository with a commit."""
        return self._git("rev-parse", "--verify", "--quiet", "HEAD").returncode == 0

    def log(self, paths: Sequence[Path], revision: str = "HEAD", *, full: bool = False) -> list[Commit]:
        """Return the commits up to a revision that changed any of the paths, newest first.

        History is simplified as in `git log -- PATHS`; with `full`, changes that a merged branch made and
        reverted are included. `Commit.parents` names the nearest ancestors among the returned commits.
        """
        form = _FIELD.join(("%H", "%P", "%cI", "%s", "%D")) + _RECORD
        arguments = ["--parents", "--topo-order", "--decorate=full", f"--format={form}"]
        arguments += ["--full-history"] if full else []
        text = self._text("log", *arguments, self.commit(revision), "--", *map(str, paths))
        return [_commit(record) for record in text.split(_RECORD) if record.strip()]

    def last_change(self, paths: Sequence[Path], revision: str) -> str:
        """Return the last commit up to a revision that changed any of the paths; empty if none did."""
        arguments = ("--max-count=1", "--format=%H", self.commit(revision))
        return self._text("log", *arguments, "--", *map(str, paths)).strip()

    def tags(self) -> dict[str, str]:
        """Return the commits of all tags, by name."""
        return self._refs("refs/tags")

    def all_commits(self) -> list[str]:
        """Return every commit reachable from a branch, tag, stash, experiment or the reflog, newest first.

        Empty if there is no repository; raises EmoError if Git cannot read it.
        """
        head = ["HEAD"] if self.has_commits else []
        return self._if_any("rev-list", "--all", "--reflog", *head).decode().split()

    def all_paths(self, *patterns: str) -> list[str]:
        """Return the matching files of all commits, as paths in the project."""
        arguments = ("--all", "--reflog", "--diff-merges=first-parent", "--name-only", "--format=", "-z")
        text = self._if_any("log", *arguments, "--", *patterns).decode(errors="replace")
        names = {name.strip("\n") for name in text.split("\0")}
        here = {name for name in names - {""} if name.startswith(self._prefix)}
        return sorted(name.removeprefix(self._prefix) for name in here)

    def other_worktrees(self) -> list[str]:
        """Return the folders of other worktrees of this repository."""
        lines = self._git("worktree", "list", "--porcelain", "-z").stdout.decode(errors="replace").split("\0")
        folders = [line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")]
        own = self._git("rev-parse", "--show-toplevel").stdout.decode(errors="replace").rstrip("\n")
        return [folder for folder in folders if folder != own]

    def tips(self) -> dict[str, str]:
        """Return the commits of all branches, tags and remote branches, by name."""
        return self._refs("refs/heads", "refs/tags", "refs/remotes")

    def experiments(self) -> list[Experiment]:
        """Return the experiments in DVC's references (`dvc exp run`)."""
        found = [(_EXPERIMENT.fullmatch(ref), commit) for ref, commit in self._refs("refs/exps").items()]
        return [Experiment(match[3], commit, match[1] + match[2]) for match, commit in found if match]

    def _refs(self, *where: str) -> dict[str, str]:
        """Return the commits of references, by name; tags of a tree or a file are left out."""
        form = "%(refname:short) %(objectname) %(*objectname) %(objecttype) %(*objecttype)"
        lines = self._text("for-each-ref", f"--format={form}", *where)
        named = (line.split(" ") for line in lines.splitlines())
        return {
            name: peeled or direct
            for name, direct, peeled, *kinds in named
            if not {"tree", "blob"} & {*kinds}
        }

    def read(self, wanted: Iterable[tuple[str, Path]]) -> dict[tuple[str, Path], bytes]:
        """Return the content of files in commits, by (commit, path); missing files are left out."""
        keys = list(dict.fromkeys(wanted))
        names = [f"{commit}:{self._prefix}{path.as_posix()}" for commit, path in keys]
        done = self._git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
        if names and done.returncode and b"not a git repository" not in done.stderr:
            raise self._failure("cat-file", done.stderr)  # for example a partial clone
        found: dict[tuple[str, Path], bytes] = {}
        at = 0
        for key in keys:
            end = done.stdout.index(b"\n", at)
            header, at = done.stdout[at:end].split(b" "), end + 1
            if header[-1].isdigit() and header[-2] == b"blob":
                length = int(header[-1])
                found[key] = done.stdout[at : at + length]
                at += length + 1
        return found

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Yield (hash, content) of every file in Git's object database, one at a time.

        Raises EmoError, after the last one, if Git cannot read all objects.
        """
        if not self._if_any("rev-parse", "--git-dir"):
            return
        command = ["git", "cat-file", "--batch-all-objects", "--unordered", "--batch"]
        with subprocess.Popen(
            command, cwd=self.root, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout
            damaged = 0
            while header := process.stdout.readline():
                name, kind, *length = header.split()
                if not length:  # "missing"
                    damaged += 1
                    continue
                data = process.stdout.read(int(length[0]) + 1)[:-1]
                if kind == b"blob":
                    yield name.decode(), data
        if damaged or process.returncode:
            raise EmoError(f"{self.root}: Git cannot read all objects; `git fsck` lists the damaged ones")

    @property
    def lfs_folder(self) -> Path | None:
        """The folder of Git LFS, for all worktrees; None if there is no repository."""
        folder = self._if_any("rev-parse", "--git-common-dir").decode(errors="replace").rstrip("\n")
        return self.root / folder / "lfs" if folder else None

    def paths_of(self, objects: Set[str]) -> dict[str, str]:
        """Return a path of each object in any commit, by hash."""
        text = self._text("rev-list", "--objects", "--all", "--reflog")
        lines = (line.partition(" ") for line in text.splitlines())
        return {name: path for name, _, path in lines if name in objects}

    def tracks(self, path: Path) -> bool:
        """Whether Git tracks a file of the project."""
        return self._git("ls-files", "--error-unmatch", "--", str(path)).returncode == 0

    def would_add(self, path: Path) -> bool:
        """Whether `git add --all` would add a path: it is in the repository and not ignored."""
        return self._git("check-ignore", "--quiet", "--", str(path)).returncode == 1

    def changed(self, paths: Sequence[Path]) -> list[str]:
        """Return the paths that differ from the last commit or are new."""
        form = ("--porcelain", "-z", "--no-renames", "--untracked-files=all")
        text = self._text("status", *form, "--", *map(str, paths))
        return sorted(line[3:].removeprefix(self._prefix) for line in text.split("\0") if line)

    @cached_property
    def _prefix(self) -> str:
        """The project's folder within the repository, with a slash at its end, or empty."""
        return self._git("rev-parse", "--show-prefix").stdout.decode().strip()

    def _check(self) -> None:
        """Raise EmoError if there is no repository with a commit."""
        if not self.has_commits:
            raise EmoError(f"{self.root}: no commit yet; `git add` and `git commit` create the first version")

    def _text(self, *arguments: str) -> str:
        done = self._git(*arguments)
        if done.returncode:
            self._check()
            raise self._failure(arguments[0], done.stderr)
        return done.stdout.decode(errors="replace")

    def _if_any(self, *arguments: str) -> bytes:
        """Return what Git prints, nothing if there is no repository; raise EmoError if it fails otherwise."""
        done = self._git(*arguments)
        if done.returncode and b"not a git repository" not in done.stderr:
            raise self._failure(arguments[0], done.stderr)
        return done.stdout

    def _failure(self, command: str, stderr: bytes) -> EmoError:
        lines = stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        reason = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
        return EmoError(f"{self.root}: `git {command}` failed: {reason}")

    def _git(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-c", "core.quotePath=false", *arguments]
        try:
            return subprocess.run(
                command, cwd=self.root, env=_environment(), input=stdin, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise EmoError("git: not installed; install it: the versions are kept in Git") from None


def _environment() -> dict[str, str]:
    """Return variables for reading only, in English; the GIT_DIR of a hook would name another repository."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**own, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": ""}


def _commit(record: str) -> Commit:
    name, parents, when, subject, decoration = record.strip("\n").split(_FIELD)
    return Commit(name, tuple(parents.split()), when, subject, _names(decoration))


def _names(decoration: str) -> tuple[str, ...]:
    refs = [ref.removeprefix("HEAD -> ") for ref in decoration.split(", ") if ref]
    tags = [ref.removeprefix("tag: refs/tags/") for ref in refs if ref.startswith("tag: ")]
    branches = [ref.removeprefix("refs/heads/") for ref in refs if ref.startswith("refs/heads/")]
    return (*tags, *branches)
