"""Erasing what a plan names, in DVC's stores and outside of them."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.paths import VIDEOS
from pipeline.runtime.progress import progress_bar
from pipeline.versions.dvc_cache import FOLDER_MARK
from pipeline.withdrawal.files import Held
from pipeline.withdrawal.objects import without
from pipeline.withdrawal.plan import Plan
from pipeline.withdrawal.stores import Store, Unreached, one_line


@dataclass(frozen=True)
class Erased:
    """What was done in one place."""

    place: str
    files: int
    "files or objects deleted"
    size_bytes: int
    lists: int = 0
    "lists of folders from which the person's files were taken"


@dataclass
class Names:
    """Counts the names under which one file stands: DVC, the memo and `emo ingest --link` share files."""

    left: dict[tuple[int, int], int] = field(default_factory=dict)
    "device and inode -> names that were not deleted"
    paths: dict[tuple[int, int], Path] = field(default_factory=dict)

    def delete(self, path: Path) -> int:
        """Delete one name; return the bytes that it stood for, 0 where it is gone already."""
        with contextlib.suppress(FileNotFoundError):
            info = path.lstat()
            path.unlink()
            identity = (info.st_dev, info.st_ino)
            self.left[identity] = self.left.get(identity, info.st_nlink) - 1
            self.paths.setdefault(identity, path)
            return info.st_size
        return 0

    def elsewhere(self) -> list[Path]:
        """Return the deleted files that still stand under a name that was not found."""
        return sorted(self.paths[identity] for identity, count in self.left.items() if count > 0)


def erase_files(place: str, held: Iterable[Held], names: Names) -> Erased:
    """Delete files; folders below raw/videos that become empty go too."""
    found = list(held)
    size_bytes = 0
    with progress_bar(place, len(found)) as advance:
        for item in found:
            size_bytes += names.delete(item.path)
            advance()
    for folder in sorted((path for path in VIDEOS.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return Erased(place, len(found), size_bytes)


def erase_objects(store: Store, plan: Plan, names: Names) -> Erased:
    """Delete the person's objects from a store, and take them from its lists of folders."""
    present = store.present(plan.objects)
    size_bytes = 0
    with progress_bar(store.name, len(present)) as advance:
        for md5 in present:
            size_bytes += _delete(store, md5, names)
            advance()
    erased = frozenset(plan.objects)
    lists = store.listings() if store.folder else store.present(_lists(plan))
    return Erased(store.name, len(present), size_bytes, sum(_redact(store, md5, erased) for md5 in lists))


def erase_stores(
    stores: Sequence[Store], plan: Plan, names: Names
) -> tuple[list[Erased], list[Store], list[Unreached]]:
    """Erase in every store; return what was done, the stores done with, and those that failed."""
    done, finished, failed = [], [], []
    for store in stores:
        try:
            done.append(erase_objects(store, plan, names))
            finished.append(store)
        except Exception as error:  # every kind of storage fails in its own way
            failed.append(Unreached(store.name, f"stopped in the middle: {one_line(error)}"))
    return done, finished, failed


def _lists(plan: Plan) -> list[str]:
    return [md5 for md5 in plan.named.objects if md5.endswith(FOLDER_MARK)]


def _delete(store: Store, md5: str, names: Names) -> int:
    path = store.path(md5)
    if path:
        return names.delete(path)
    size_bytes = store.size(md5)
    store.delete(md5)
    return size_bytes


def _redact(store: Store, md5: str, erased: frozenset[str]) -> bool:
    listing = store.read(md5)
    redacted = without(listing, erased) if listing else None
    if redacted is not None:
        store.replace(md5, redacted)
    return redacted is not None
