"""The proof: every file and object that is left is searched for what was erased."""

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.digests import sha256
from pipeline.core.marks import mark
from pipeline.core.memo import memo_root
from pipeline.core.paths import PARTICIPANTS, WITHDRAWALS, WITHDRAWALS_COPY
from pipeline.core.progress import progress_bar
from pipeline.core.workers import worker_count
from pipeline.history.git import Repository
from pipeline.withdrawal.content import PROVEN, is_parquet, is_text, kind_of
from pipeline.withdrawal.plan import STATE, Plan
from pipeline.withdrawal.stores import Store, is_shared

_SKIPPED = (".git", "__pycache__", "node_modules")

_TOLD = (PARTICIPANTS, WITHDRAWALS, WITHDRAWALS_COPY)
"""Tables that name the person on purpose."""

_LINKED = ("raw", "data", "models", "reports", ".emo", ".dvc")
"""Folders of a project that may be links to other disks; links elsewhere are not followed."""


@dataclass(frozen=True)
class Found:
    """A place that still holds something of the person."""

    place: str
    what: str


@dataclass
class Proof:
    """What was searched, and what was found."""

    files: int = 0
    size_bytes: int = 0
    pictures: int = 0
    "pictures and pieces of recordings that were looked for"
    found: list[Found] = field(default_factory=list)
    swept: int = 0
    "objects that the search found in a store, and that were deleted then"
    asked: dict[str, int] = field(default_factory=dict)
    "remotes elsewhere -> objects of which it was asked whether they are there"
    unnamed: dict[str, int] = field(default_factory=dict)
    "remotes elsewhere -> objects that no version here names: they were not judged"
    vanished: int = 0
    "files that other programs removed while the search ran"

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.found


def prove(plan: Plan, stores: Sequence[Store], repository: Repository) -> Proof:
    """Search the project, the memo, the cache, the remotes and Git for what the plan erased.

    Files are searched byte by byte and by what they say of themselves; an object of a store that holds what
    was erased is deleted. A remote on another machine is asked whether it has the objects.
    """
    proof = Proof(pictures=plan.looked_for.count)
    files = list(_files([Path(), *map(Path, _LINKED), memo_root(), *_folders(stores)]))
    with progress_bar("searching", len(files)) as advance, ThreadPoolExecutor(worker_count()) as threads:
        for path, outcome in zip(
            files, threads.map(lambda path: _search(path, plan, stores), files), strict=True
        ):
            _count(path, outcome, stores, proof)
            advance()
    _search_git(plan, repository, proof)
    for store in stores:
        if not store.folder:
            _ask(store, plan, proof)
    return proof


@dataclass(frozen=True)
class _Searched:
    size_bytes: int
    what: str
    is_proven: bool


def _search(path: Path, plan: Plan, stores: Sequence[Store]) -> _Searched | None:
    """Return what a file holds of the person; None where it is gone."""
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            held = plan.looked_for.held_by(file)
        if held:
            return _Searched(size_bytes, f"{held} of the erased pictures or pieces of recordings", True)
        media = not is_parquet(path) and not is_text(path)
        kind = kind_of(path, plan.person, sha256(path) if media else "")
        if not kind and mark([plan.person.subject]).encode() in _ends(path):
            kind = "picture or file that emo made of the person"
    except FileNotFoundError:
        return None
    is_others = any(is_shared(store) and store.id_of(path) for store in stores)
    is_proven = kind in PROVEN
    return _Searched(size_bytes, kind if is_proven or not is_others else "", is_proven)


def _ends(path: Path, length: int = 1 << 20) -> bytes:
    """Return the start and the end of a file, where marks stand."""
    with path.open("rb") as file:
        start = file.read(length)
        file.seek(0, os.SEEK_END)
        file.seek(max(len(start), file.tell() - length))
        return start + file.read(length)


def _count(path: Path, outcome: _Searched | None, stores: Sequence[Store], proof: Proof) -> None:
    if outcome is None:
        proof.vanished += 1
        return
    proof.files += 1
    proof.size_bytes += outcome.size_bytes
    if not outcome.what or path in {told.resolve() for told in _TOLD}:
        return
    store = next((store for store in stores if store.id_of(path)), None)
    if store and outcome.is_proven:
        store.delete(store.id_of(path))
        proof.swept += 1
    else:
        proof.found.append(Found(_shown(path), outcome.what))


def _ask(store: Store, plan: Plan, proof: Proof) -> None:
    present = set(store.ids())
    proof.asked[store.name] = len(plan.objects)
    proof.unnamed[store.name] = len(present - plan.named.objects)
    left = sorted(present & plan.objects.keys())
    proof.found += [Found(f"{store.name}: {md5}", plan.objects[md5]) for md5 in left]


def _folders(stores: Iterable[Store]) -> list[Path]:
    return [store.folder for store in stores if store.folder]


def _files(roots: Iterable[Path]) -> Iterator[Path]:
    """Yield every file below some folders once, however many names and folders lead to it.

    Left out: Git's objects, which are searched by themselves, Python environments, and what the erasure
    itself remembers.
    """
    seen: set[tuple[int, int]] = set()
    for root in roots:
        for folder, folders, names in os.walk(root.resolve()):
            here = Path(folder)
            folders[:] = sorted(name for name in folders if not _is_left_out(here / name))
            for path in (here / name for name in sorted(names)):
                if path.is_symlink() or not path.is_file():
                    continue
                info = path.stat()
                if (info.st_dev, info.st_ino) not in seen:
                    seen.add((info.st_dev, info.st_ino))
                    yield path


def _is_left_out(folder: Path) -> bool:
    return (
        folder.name in _SKIPPED
        or (folder / "pyvenv.cfg").is_file()
        or folder == STATE.resolve()
        or folder.is_symlink()
    )


def _shown(path: Path) -> str:
    """Return a path as seen from the project's folder, where it is below it."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _search_git(plan: Plan, repository: Repository, proof: Proof) -> None:
    """Search what Git keeps: somebody may have committed a picture."""
    found: dict[str, int] = {}
    for name, data in repository.objects():
        proof.files += 1
        proof.size_bytes += len(data)
        if held := plan.looked_for.held_by(io.BytesIO(data)):
            found[name] = held
    paths = repository.paths_of(found.keys()) if found else {}
    for name, held in found.items():
        place = f"Git's history: {paths.get(name, '')} ({name[:12]})"
        proof.found.append(Found(place, f"{held} of the erased pictures or pieces of recordings"))
