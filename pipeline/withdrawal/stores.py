"""DVC's cache and remotes: stores that keep objects under their MD5."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.dvc_hash import FOLDER_SUFFIX
from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing
from pipeline.runtime.text import one_line
from pipeline.versions.dvc_cache import object_path
from pipeline.versions.study_lock import locked_study

DVC_CACHE = "DVC's cache"
REMOTE = "remote "

_OBJECT = re.compile(r"[0-9a-f]{30}(\.dir)?")


@dataclass(frozen=True)
class Store:
    """DVC's cache, or one of the remotes."""

    name: str
    "`DVC's cache`, or `remote NAME`."
    database: Any
    "DVC's object database."

    @property
    def folder(self) -> Path | None:
        """The store's folder; None if it is on another machine."""
        return Path(self.database.path) if self.database.fs.protocol == "local" else None

    @property
    def is_shared(self) -> bool:
        """Whether the store is outside the project, so that other projects may keep objects in it."""
        return self.folder is None or not self.folder.resolve().is_relative_to(Path.cwd().resolve())

    def ids(self) -> Iterator[str]:
        """Yield the MD5 of every object."""
        if self.folder is None:
            yield from self.database.all()
            return
        for path in sorted(self.folder.glob("??/*")):  # without DVC's progress bar and threads
            if _OBJECT.fullmatch(path.name) and path.is_file():
                yield f"{path.parent.name}{path.name}"

    def listings(self) -> list[str]:
        """Return the MD5 of every list of a folder's files."""
        return [md5 for md5 in self.ids() if md5.endswith(FOLDER_SUFFIX)]

    def path(self, md5: str) -> Path | None:
        """Return the path of an object, whether it exists or not; None if the store is on another machine."""
        return object_path(self.folder, md5) if self.folder else None

    def id_of(self, path: Path) -> str:
        """Return the MD5 of the object that a file of the store is; empty if the file is not an object."""
        is_here = self.folder is not None and path.parent.parent == self.folder.resolve()
        return f"{path.parent.name}{path.name}" if is_here and _OBJECT.fullmatch(path.name) else ""

    def present(self, wanted: Iterable[str]) -> list[str]:
        """Return those of the objects that the store has, sorted."""
        names = sorted(set(wanted))
        if self.folder:
            return [md5 for md5 in names if object_path(self.folder, md5).is_file()]
        return sorted(self.database.oids_exist(names)) if names else []

    def read(self, md5: str) -> bytes | None:
        """Return an object's content; None if the store does not have it."""
        try:
            with self.database.fs.open(self.database.oid_to_path(md5), "rb") as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def size(self, md5: str) -> int:
        """Return an object's length in bytes."""
        return int(self.database.fs.size(self.database.oid_to_path(md5)) or 0)

    def delete(self, md5: str) -> None:
        """Delete an object, if the store has it."""
        with contextlib.suppress(FileNotFoundError):
            self.database.fs.remove(self.database.oid_to_path(md5))

    def replace(self, md5: str, data: bytes) -> None:
        """Replace an object's content."""
        path = self.path(md5)
        if path is None:
            self.database.add_bytes(md5, data)
            return
        with replacing(path) as temporary:
            temporary.write_bytes(data)
            temporary.chmod(0o444)  # DVC treats a writable object as unfinished


@dataclass(frozen=True)
class Unreached:
    """A store that could not be searched, or not to the end."""

    name: str
    reason: str


@dataclass(frozen=True)
class Stores:
    """The stores of a project."""

    cache: Store
    remotes: tuple[Store, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    "Remotes that do not answer."

    def __iter__(self) -> Iterator[Store]:
        return iter((self.cache, *self.remotes))

    def read(self, md5: str) -> bytes | None:
        """Return an object's content from the first store that has it; a store that fails is skipped."""
        for store in self:
            with contextlib.suppress(Exception):  # every kind of storage raises errors of its own
                if data := store.read(md5):
                    return data
        return None


@contextmanager
def locked_project() -> Iterator[tuple[Any, Stores]]:
    """Lock the project against other commands; yield DVC's `Repo` and the stores.

    Experiments in copies of the project count as well: they could write back what is erased.

    Raises EmoError if another command is running, DVC cannot open the project, or its cache is missing.
    """
    with locked_study(wait=False, copies=True) as repo:
        yield repo, _stores(repo)


def _stores(repo: Any) -> Stores:
    """Return the cache and the remotes of a project; raise EmoError if the cache is missing."""
    cache = Store(DVC_CACHE, repo.cache.local)
    folder = Path(repo.cache.legacy.path)  # as configured
    if cache.is_shared and cache.folder and not folder.is_dir():
        raise EmoError(
            f"{folder}: DVC's cache (cache.dir) is missing; mount its disk, or create the folder if it was "
            "never used"
        )
    remotes, unreached = [], []
    for name in repo.config["remote"]:
        try:
            remotes.append(_remote(repo, name))
        except NotImplementedError:  # by HTTP, for example
            reason = (
                "objects on a remote of this kind cannot be listed and deleted; delete the subject's objects "
                f"on its server, then run `dvc remote remove {name}`"
            )
            unreached.append(Unreached(f"{REMOTE}{name}", reason))
        except Exception as error:  # every kind of storage raises errors of its own
            unreached.append(Unreached(f"{REMOTE}{name}", one_line(error)))
    return Stores(cache, tuple(remotes), tuple(unreached))


def _remote(repo: Any, name: str) -> Store:
    """Return a remote that answers; raise the storage's own error if it does not."""
    store = Store(f"{REMOTE}{name}", repo.cloud.get_remote_odb(name=name))
    if not store.folder:
        store.database.fs.ls(store.database.fs.parent(store.database.path))
    elif not (folder := Path(repo.cloud.get_remote(name=name).path)).is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; mount its disk, or run `dvc remote remove {name}` if the remote is "
            "gone"
        )
    return store
