"""Git's objects and commits: all of them are read, or an error is raised."""

import subprocess
from pathlib import Path

import pytest

from pipeline.runtime.errors import EmoError
from pipeline.versions.git import Repository

pytestmark = pytest.mark.slow

AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit of one file, `note`."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "note").write_text("a note")
    git(tmp_path, "add", "note")
    git(tmp_path, *AUTHOR, "commit", "-qm", "One")
    return Repository(tmp_path)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def contents(repository: Repository) -> list[bytes]:
    return [data for _, data in repository.objects()]


def test_all_are_read_if_the_branch_has_no_commit_yet(repository: Repository) -> None:
    git(repository.root, "checkout", "-q", "--orphan", "new")
    assert contents(repository) == [b"a note"]
    assert len(repository.all_commits()) == 1


def test_files_staged_before_the_first_commit_are_read(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "note").write_text("staged")
    git(tmp_path, "add", "note")
    assert contents(Repository(tmp_path)) == [b"staged"]
    assert Repository(tmp_path).all_commits() == []


def test_no_repository_has_nothing(tmp_path: Path) -> None:
    assert contents(Repository(tmp_path)) == []
    assert Repository(tmp_path).all_commits() == []
    assert Repository(tmp_path).all_paths("*") == []


def test_an_unreadable_repository_is_not_an_empty_one(repository: Repository) -> None:
    """As if it belonged to another user (`safe.directory`)."""
    (repository.root / ".git/config").write_text("[core\n")
    with pytest.raises(EmoError, match="`git rev-list` failed: fatal: bad config line 1"):
        repository.all_commits()
    with pytest.raises(EmoError, match="`git rev-parse` failed: fatal: bad config line 1"):
        contents(repository)


def test_a_damaged_object_is_reported_after_all_others(repository: Repository) -> None:
    (repository.root / "other").write_text("damaged")
    name = git(repository.root, "hash-object", "-w", "other")
    path = repository.root / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"junk")
    found = repository.objects()
    assert next(found) == (git(repository.root, "rev-parse", "HEAD:note"), b"a note")
    with pytest.raises(EmoError, match="`git fsck`"):
        list(found)


def test_a_partial_clone_whose_origin_is_gone(repository: Repository, tmp_path: Path) -> None:
    git(repository.root, "config", "uploadpack.allowFilter", "true")
    git(
        repository.root,
        "clone",
        "-q",
        "--filter=blob:none",
        "--no-checkout",
        repository.root.as_uri(),
        "part",
    )
    (repository.root / ".git").rename(repository.root / "elsewhere")
    with pytest.raises(EmoError, match="`git cat-file` failed: fatal: "):
        Repository(tmp_path / "part").read([("HEAD", Path("note"))])


def test_a_worktree_inside_of_another(repository: Repository) -> None:
    git(repository.root, "worktree", "add", "-q", "inner")
    inner = Repository(repository.root / "inner")
    assert inner.other_worktrees() == [str(repository.root.resolve())]
    assert repository.other_worktrees() == [str(inner.root.resolve())]


def test_objects_of_the_reflog_have_their_path(repository: Repository) -> None:
    name = git(repository.root, "rev-parse", "HEAD:note")
    (repository.root / "note").write_text("another")
    git(repository.root, *AUTHOR, "commit", "-qa", "--amend", "-m", "Amended")
    assert repository.paths_of({name}) == {name: "note"}
