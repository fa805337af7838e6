"""DVC's cache and its remotes: stores of objects by MD5."""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing
from pipeline.versions.dvc_cache import FOLDER_MARK, object_path

CACHE = "cache"
REMOTE = "remote "

_OBJECT = re.compile(r"[0-9a-f]{30}(\.dir)?")


@dataclass(frozen=True)
class Store:
    """One store; `database` is DVC's object database for it."""

    name: str
    "`cache`, or `remote NAME`"
    database: Any

    @property
    def folder(self) -> Path | None:
        """Where it lies on this machine; None where it lies elsewhere."""
        return Path(self.database.path) if self.database.fs.protocol == "local" else None

    def ids(self) -> Iterator[str]:
        """Yield the MD5 of every object."""
        if self.folder is None:
            yield from self.database.all()
            return
        for path in sorted(self.folder.glob("??/*")):  # without DVC's progress bar and threads
            if _OBJECT.fullmatch(path.name) and path.is_file():
                yield f"{path.parent.name}{path.name}"

    def listings(self) -> list[str]:
        """Return the MD5 of every list of a folder."""
        return [md5 for md5 in self.ids() if md5.endswith(FOLDER_MARK)]

    def path(self, md5: str) -> Path | None:
        """Return where an object lies on this machine, whether it is there or not."""
        return object_path(self.folder, md5) if self.folder else None

    def id_of(self, path: Path) -> str:
        """Return the MD5 of the object that a file of the store is; empty where it is none."""
        is_here = self.folder is not None and path.parent.parent == self.folder.resolve()
        return f"{path.parent.name}{path.name}" if is_here and _OBJECT.fullmatch(path.name) else ""

    def present(self, wanted: Iterable[str]) -> list[str]:
        """Return those of the objects that the store has."""
        names = sorted(set(wanted))
        if self.folder:
            return [md5 for md5 in names if object_path(self.folder, md5).is_file()]
        return sorted(self.database.oids_exist(names)) if names else []

    def read(self, md5: str) -> bytes | None:
        """Return an object's content; None where it is not there."""
        try:
            with self.database.fs.open(self.database.oid_to_path(md5), "rb") as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def size(self, md5: str) -> int:
        """Return an object's length in bytes."""
        return int(self.database.fs.size(self.database.oid_to_path(md5)) or 0)

    def delete(self, md5: str) -> None:
        """Remove an object, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.database.fs.remove(self.database.oid_to_path(md5))

    def replace(self, md5: str, data: bytes) -> None:
        """Give an object another content."""
        path = self.path(md5)
        if path is None:
            self.database.add_bytes(md5, data)
            return
        with replacing(path) as temporary:
            temporary.write_bytes(data)
            temporary.chmod(0o444)  # DVC takes what may be written to for unfinished


@dataclass(frozen=True)
class Unreached:
    """A remote that did not answer."""

    name: str
    reason: str


@contextmanager
def dvc_at_rest() -> Iterator[Any]:
    """Give DVC's view of the project, while no other DVC command may run in it; EmoError where one does."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo, lock_repo

    try:
        with Repo() as repo, lock_repo(repo):
            _check_stages(Path(repo.tmp_dir))
            yield repo
    except LockError:
        raise EmoError(".dvc: another DVC command is at work here; wait for its end") from None
    except DvcException as error:
        raise EmoError(f".dvc: DVC cannot open the project: {one_line(error)}") from None


def _check_stages(folder: Path) -> None:
    """Raise EmoError where a stage runs: it would write what was erased, or what it made from it.

    DVC lets go of its lock meanwhile, and marks what is read and written; experiments that run in copies of
    the project (`dvc exp run --temp`, the queue) do so in these copies.
    """
    for marks in (folder / "rwlock", *(folder / "exps").rglob(".dvc/tmp/rwlock")):
        for entry in _at_work(marks):
            if entry.get("pid") != os.getpid() and _is_alive(entry.get("pid", 0)):
                raise EmoError(f".dvc: `{entry.get('cmd', 'dvc')}` is at work here; wait for its end")


def _at_work(marks: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(marks.read_text(encoding="utf-8") or "{}")
    except (FileNotFoundError, ValueError):
        return []
    readers = [entry for entries in found.get("read", {}).values() for entry in entries]
    return [*found.get("write", {}).values(), *readers]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def cache_of(repo: Any) -> Store:
    """Return the cache of a project; EmoError where it lies on another disk, which is not mounted."""
    cache = Store(CACHE, repo.cache.local)
    folder = Path(repo.cache.legacy.path)  # as configured
    if is_shared(cache) and cache.folder and not folder.is_dir():
        raise EmoError(
            f"{folder}: no such folder, where DVC's cache should be (cache.dir); mount it, or make it "
            "if nothing was ever in it"
        )
    return cache


def is_shared(store: Store) -> bool:
    """Tell whether a cache lies outside the project: other projects may keep objects in it."""
    folder = store.folder
    return folder is None or not folder.resolve().is_relative_to(Path.cwd().resolve())


def remotes_of(repo: Any) -> tuple[list[Store], list[Unreached]]:
    """Return the remotes of a project, and those that cannot be reached."""
    stores, unreached = [], []
    for name in repo.config["remote"]:
        try:
            stores.append(_remote(repo, name))
        except NotImplementedError:  # by HTTP, say
            reason = (
                "a remote of this kind cannot be listed and deleted from; erase the person's objects on its "
                f"server, then `dvc remote remove {name}`"
            )
            unreached.append(Unreached(f"{REMOTE}{name}", reason))
        except Exception as error:  # every kind of storage fails in its own way
            unreached.append(Unreached(f"{REMOTE}{name}", one_line(error)))
    return stores, unreached


def _remote(repo: Any, name: str) -> Store:
    store = Store(f"{REMOTE}{name}", repo.cloud.get_remote_odb(name=name))
    if store.folder:
        _check_mounted(Path(repo.cloud.get_remote(name=name).path), name)
    else:
        store.database.fs.ls(store.database.fs.parent(store.database.path))
    return store


def _check_mounted(folder: Path, name: str) -> None:
    """Raise OSError where the folder is not there: a disk that is not mounted holds what it holds."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; mount it, or `dvc remote remove {name}` if there is none any more"
        )


def one_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
