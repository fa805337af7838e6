"""Reading a project's history with the program `git`: nothing is checked out, nothing is changed."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.runtime.errors import EmoError

_FIELD, _RECORD = "\x1f", "\x1e"
_EXPERIMENT = re.compile(r"exps/([0-9a-f]{2})/([0-9a-f]{38})/(.+)")


@dataclass(frozen=True)
class Commit:
    """One commit."""

    id: str
    "full hash"
    parents: tuple[str, ...]
    when: str
    "of the commit, ISO 8601"
    subject: str
    "first line of the message"
    names: tuple[str, ...]
    "tags and branches that point at it"


@dataclass(frozen=True)
class Experiment:
    """What `dvc exp run` leaves: a commit that no branch leads to."""

    name: str
    "experiments that started from different commits may have the same"
    commit: str
    "full hash"
    base: str
    "the commit that it started from"


@dataclass(frozen=True)
class Repository:
    """The Git repository that holds a project; `root` is the project's folder."""

    root: Path

    def commit(self, revision: str) -> str:
        """Return the full hash that a revision names; raise EmoError for an unknown one."""
        told = revision if revision.isprintable() and revision.strip() else repr(revision)  # one line, seen
        if not revision.strip() or revision.startswith("-"):  # would be taken for an option
            raise EmoError(f"{told}: not a revision")
        done = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode:
            self._check()
            raise EmoError(f"{told}: no such revision here; `emo versions` lists them{self.cut_note}")
        return done.stdout.decode().strip()

    def merge_base(self, one: str, other: str) -> str:
        """Return the last commit that two revisions have in common; raise EmoError where there is none."""
        done = self._git("merge-base", self.commit(one), self.commit(other))
        if done.returncode:
            raise EmoError(f"{one}...{other}: no commit in common{self.cut_note}")
        return done.stdout.decode().strip()

    @cached_property
    def is_shallow(self) -> bool:
        """Whether the clone lacks older commits."""
        return self._git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"

    @property
    def cut_note(self) -> str:
        """Return the end of a message where something may be missing because the clone is shallow."""
        return "; the clone is shallow: `git fetch --unshallow` brings the older commits" * self.is_shallow

    @cached_property
    def has_commits(self) -> bool:
        """Whether there is a repository with a commit."""
        return self._git("rev-parse", "--verify", "--quiet", "HEAD").returncode == 0

    def log(self, paths: Sequence[Path], revision: str = "HEAD", *, full: bool = False) -> list[Commit]:
        """Return the commits up to a revision that changed any of the paths, newest first.

        History is simplified as `git log -- PATHS` does, unless it is to be `full`: then what a merged branch
        did and undid is in it too. Parents are those among these commits.
        """
        form = _FIELD.join(("%H", "%P", "%cI", "%s", "%D")) + _RECORD
        arguments = ["--parents", "--topo-order", "--decorate=full", f"--format={form}"]
        arguments += ["--full-history"] if full else []
        text = self._text("log", *arguments, self.commit(revision), "--", *map(str, paths))
        return [_commit(record) for record in text.split(_RECORD) if record.strip()]

    def last_change(self, paths: Sequence[Path], revision: str) -> str:
        """Return the last commit up to a revision that changed any of the paths; empty where none did."""
        arguments = ("--max-count=1", "--format=%H", self.commit(revision))
        return self._text("log", *arguments, "--", *map(str, paths)).strip()

    def tags(self) -> dict[str, str]:
        """Return the commits that tags point at, by name."""
        return self._refs("refs/tags")

    def everything(self) -> list[str]:
        """Return every commit that a branch, tag, stash, experiment or the reflog leads to, newest first.

        None where there is no repository; raises EmoError where Git will not read the one that is there.
        """
        head = ["HEAD"] if self.has_commits else []
        return self._if_any("rev-list", "--all", "--reflog", *head).decode().split()

    def paths_ever(self, *patterns: str) -> list[str]:
        """Return the files that match and that any of `everything` has, by their paths in the project."""
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
        """Return the commits that branches, tags and remote branches point at, by name."""
        return self._refs("refs/heads", "refs/tags", "refs/remotes")

    def experiments(self) -> list[Experiment]:
        """Return the experiments that DVC keeps (`dvc exp run`)."""
        found = [(_EXPERIMENT.fullmatch(ref), commit) for ref, commit in self._refs("refs/exps").items()]
        return [Experiment(match[3], commit, match[1] + match[2]) for match, commit in found if match]

    def _refs(self, *where: str) -> dict[str, str]:
        """Return what refs point at, by name; tags of a tree or a file are left out."""
        form = "%(refname:short) %(objectname) %(*objectname) %(objecttype) %(*objecttype)"
        lines = self._text("for-each-ref", f"--format={form}", *where)
        named = (line.split(" ") for line in lines.splitlines())
        return {
            name: peeled or direct
            for name, direct, peeled, *kinds in named
            if not {"tree", "blob"} & {*kinds}
        }

    def read(self, wanted: Iterable[tuple[str, Path]]) -> dict[tuple[str, Path], bytes]:
        """Return the content of files in commits, by (commit, path); what is not there is left out."""
        keys = list(dict.fromkeys(wanted))
        names = [f"{commit}:{self._prefix}{path.as_posix()}" for commit, path in keys]
        done = self._git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
        if names and done.returncode and b"not a git repository" not in done.stderr:
            raise self._failure("cat-file", done.stderr)  # a partial clone whose origin does not answer, say
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
        """Yield (hash, content) of every file that any commit has, or had; one at a time.

        Raises EmoError, after the last of them, where Git cannot read all.
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
            raise EmoError(f"{self.root}: Git cannot read all of its objects; `git fsck` tells which")

    @property
    def lfs(self) -> Path | None:
        """Where Git LFS keeps its objects, for all worktrees; None where there is no repository."""
        folder = self._if_any("rev-parse", "--git-common-dir").decode(errors="replace").rstrip("\n")
        return self.root / folder / "lfs" if folder else None

    def paths_of(self, objects: Set[str]) -> dict[str, str]:
        """Return under which path any of `everything` has files, by the hashes of their content."""
        text = self._text("rev-list", "--objects", "--all", "--reflog")
        lines = (line.partition(" ") for line in text.splitlines())
        return {name: path for name, _, path in lines if name in objects}

    def tracks(self, path: Path) -> bool:
        """Tell whether Git keeps a file of the project."""
        return self._git("ls-files", "--error-unmatch", "--", str(path)).returncode == 0

    def would_add(self, path: Path) -> bool:
        """Tell whether `git add --all` takes what lies at a path: in the repository, and not ignored."""
        return self._git("check-ignore", "--quiet", "--", str(path)).returncode == 1

    def changed(self, paths: Sequence[Path]) -> list[str]:
        """Return those of the paths that differ from the last commit, or are new."""
        form = ("--porcelain", "-z", "--no-renames", "--untracked-files=all")
        text = self._text("status", *form, "--", *map(str, paths))
        return sorted(line[3:].removeprefix(self._prefix) for line in text.split("\0") if line)

    @cached_property
    def _prefix(self) -> str:
        """The project's folder within the repository, with a slash at its end, or empty."""
        return self._git("rev-parse", "--show-prefix").stdout.decode().strip()

    def _check(self) -> None:
        """Raise EmoError unless there is a repository with a commit."""
        if not self.has_commits:
            raise EmoError(f"{self.root}: no commit yet; `git add` and `git commit` make the first version")

    def _text(self, *arguments: str) -> str:
        done = self._git(*arguments)
        if done.returncode:
            self._check()
            raise self._failure(arguments[0], done.stderr)
        return done.stdout.decode(errors="replace")

    def _if_any(self, *arguments: str) -> bytes:
        """Return what Git prints; nothing where there is no repository, EmoError where it fails otherwise."""
        done = self._git(*arguments)
        if done.returncode and b"not a git repository" not in done.stderr:
            raise self._failure(arguments[0], done.stderr)
        return done.stdout

    def _failure(self, command: str, stderr: bytes) -> EmoError:
        lines = stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        reason = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
        return EmoError(f"{self.root}: `git {command}` failed: {reason}")

    def _git(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-c", "core.quotePath=false", *arguments]
        try:
            return subprocess.run(
                command, cwd=self.root, env=_environment(), input=stdin, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise EmoError("git: not installed here; versions are kept in Git") from None


def _environment() -> dict[str, str]:
    """Return a fixed language and no pager or locks: only to read. A hook's GIT_DIR would lead elsewhere."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**own, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": ""}


def _commit(record: str) -> Commit:
    name, parents, when, subject, decoration = record.strip("\n").split(_FIELD)
    return Commit(name, tuple(parents.split()), when, subject, _names(decoration))


def _names(decoration: str) -> tuple[str, ...]:
    """Return tags first, then branches, as people write them."""
    refs = [ref.removeprefix("HEAD -> ") for ref in decoration.split(", ") if ref]
    tags = [ref.removeprefix("tag: refs/tags/") for ref in refs if ref.startswith("tag: ")]
    branches = [ref.removeprefix("refs/heads/") for ref in refs if ref.startswith("refs/heads/")]
    return (*tags, *branches)
