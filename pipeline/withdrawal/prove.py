"""The proof: every file and object that is left is searched for what was erased."""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.runtime.cache import cache_root
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.executors import worker_count
from pipeline.runtime.paths import PARTICIPANTS, WITHDRAWALS, WITHDRAWALS_COPY
from pipeline.runtime.progress import progress_bar
from pipeline.schema.clips import read_clips
from pipeline.versions.git import Repository
from pipeline.withdrawal.content import PROVEN, bears_mark, is_parquet, is_text, kind_of, recording_of
from pipeline.withdrawal.fingerprints import Fingerprints
from pipeline.withdrawal.plan import STATE, Plan
from pipeline.withdrawal.stores import Store, is_shared, one_line

_SKIPPED = ("__pycache__", "node_modules")

_TOLD = (PARTICIPANTS, WITHDRAWALS, WITHDRAWALS_COPY)
"""Tables that name the person on purpose."""

_AGAIN = 0.5
"""Share of a file from which on it is a recording of the person, whoever is said to be in it."""

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
    common: int = 0
    "samples that several others' recordings have as well, and that were left out for it"

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.found


def prove(plan: Plan, stores: Sequence[Store], repository: Repository) -> Proof:
    """Search the project, the memo, the cache, the remotes and Git for what the plan erased.

    Files are searched byte by byte and by what they say of themselves. An object of a store that holds what
    was erased and says that it is the person's is deleted. A remote on another machine is asked whether it
    has the objects.
    """
    proof = Proof(pictures=plan.looked_for.count)
    lfs = [folder for folder in [repository.lfs] if folder]  # may lie above the project
    files = list(_files([Path(), *map(Path, _LINKED), *lfs, cache_root(), *_folders(stores)]))
    suspects: list[Path] = []
    with progress_bar("searching", len(files)) as advance, ThreadPoolExecutor(worker_count()) as threads:
        for path, outcome in zip(
            files, threads.map(lambda path: _search(path, plan, stores), files), strict=True
        ):
            if _count(path, outcome, stores, proof):
                suspects.append(path)
            advance()
    looked_for = _own(plan.looked_for, suspects, proof)
    for path in suspects:
        _look_again(path, looked_for, proof)
    _search_git(looked_for, repository, proof)
    for store in stores:
        if not store.folder:
            _ask(store, plan, proof)
    return proof


@dataclass(frozen=True)
class _Searched:
    size_bytes: int
    held: int
    "pictures and pieces of recordings"
    kind: str
    "what it says that it is of the person; empty where nothing"


def _search(path: Path, plan: Plan, stores: Sequence[Store]) -> _Searched | None:
    """Return what a file holds of the person; None where it is gone."""
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            held = plan.looked_for.held_by(file)
        is_table = is_text(path)
        media = not is_parquet(path) and not is_table
        in_history = is_table and ".git" in path.parts  # Git LFS: text tables of all versions, as Git's own
        kind = "" if in_history else kind_of(path, plan.person, sha256(path) if media else "")
        if not kind and bears_mark(path, plan.person.subject):
            kind = "picture or file that emo made of the person"
    except FileNotFoundError:
        return None
    is_others = any(is_shared(store) and store.id_of(path) for store in stores)
    is_certain = held or kind in PROVEN or not is_others
    return _Searched(size_bytes, held, kind if is_certain else "")


def _count(path: Path, outcome: _Searched | None, stores: Sequence[Store], proof: Proof) -> bool:
    """Count a file; return whether to look at it again: it holds something, and does not say whose."""
    if outcome is None:
        proof.vanished += 1
        return False
    proof.files += 1
    proof.size_bytes += outcome.size_bytes
    if not outcome.kind or path in {told.resolve() for told in _TOLD}:
        return bool(outcome.held)
    store = next((store for store in stores if store.id_of(path)), None)
    if store and (outcome.held or outcome.kind in PROVEN):
        store.delete(store.id_of(path))
        proof.swept += 1
    else:
        proof.found.append(Found(_shown(path), _pieces(outcome.held) if outcome.held else outcome.kind))
    return False


def _own(looked_for: Fingerprints, suspects: Sequence[Path], proof: Proof) -> Fingerprints:
    """Return what is looked for without the samples that the recordings of two or more others have as well.

    A title card with which all recordings begin, say: it shows nobody. But a file of which half is looked for
    is the person's, enrolled again under another code: it tells nothing of what is common. And where half of
    all that is looked for would be left out, nothing is.
    """
    subjects = {clip.sha256: clip.subject for clip in read_clips()}
    windows: dict[str, np.ndarray] = {}
    for path in suspects:
        with contextlib.suppress(FileNotFoundError):
            recording = recording_of(path)
            # A shard of a recording that is not enrolled here: another project's, in a cache that both share.
            if subject := subjects.get(recording, recording if is_parquet(path) else ""):
                with path.open("rb") as file:
                    if looked_for.share_of(file) >= _AGAIN:
                        continue
                    file.seek(0)
                    hits = looked_for.hits(file)
                windows[subject] = np.union1d(windows.get(subject, hits), hits)
    if len(windows) < 2:
        return looked_for
    values, counts = np.unique(np.concatenate(list(windows.values())), return_counts=True)
    own = looked_for.without(values[counts > 1])
    if own.count * 2 < looked_for.count:
        return looked_for
    proof.common = int((counts > 1).sum())
    return own


def _look_again(path: Path, looked_for: Fingerprints, proof: Proof) -> None:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        if held := looked_for.held_by(file):
            proof.found.append(Found(_shown(path), _pieces(held)))


def _pieces(held: int) -> str:
    return f"{held} of the erased pictures or pieces of recordings"


def _ask(store: Store, plan: Plan, proof: Proof) -> None:
    try:
        present = set(store.ids())
    except Exception as error:  # every kind of storage fails in its own way
        proof.found.append(Found(store.name, f"could not be asked what is left: {one_line(error)}"))
        return
    proof.asked[store.name] = len(plan.objects)
    proof.unnamed[store.name] = len(present - plan.named.objects)
    left = sorted(present & plan.objects.keys())
    proof.found += [Found(f"{store.name}: {md5}", plan.objects[md5]) for md5 in left]


def _folders(stores: Iterable[Store]) -> list[Path]:
    return [store.folder for store in stores if store.folder]


def _files(roots: Iterable[Path]) -> Iterator[Path]:
    """Yield every file below some folders once, however many names and folders lead to it.

    Hidden folders come last: DVC's cache shares files with the workspace, whose names tell people more.
    Left out: Git's objects, which are searched by themselves, Python environments, and what the erasure
    itself remembers.
    """
    seen: set[tuple[int, int]] = set()
    for root in roots:
        for folder, folders, names in os.walk(root.resolve()):
            here = Path(folder)
            inside = [name for name in folders if not _is_left_out(here / name)]
            folders[:] = sorted(inside, key=lambda name: (name.startswith("."), name))
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
        or (folder.name == "objects" and folder.parent.name == ".git")
        or folder == STATE.resolve()
        or folder.is_symlink()
    )


def _shown(path: Path) -> str:
    """Return a path as seen from the project's folder, where it is below it."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _search_git(looked_for: Fingerprints, repository: Repository, proof: Proof) -> None:
    """Search what Git keeps: somebody may have committed a picture."""
    found: dict[str, int] = {}
    try:
        for name, data in repository.objects():
            proof.files += 1
            proof.size_bytes += len(data)
            if held := looked_for.held_by(io.BytesIO(data)):
                found[name] = held
        paths = repository.paths_of(found.keys()) if found else {}
    except EmoError as error:
        paths = {}
        proof.found.append(Found("Git's history", f"not searched to its end: {error}"))
    for name, held in found.items():
        known = f"history: {paths[name]}" if name in paths else "objects that no commit names"
        proof.found.append(Found(f"Git's {known} ({name[:12]})", _pieces(held)))
