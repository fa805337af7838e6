"""Step 3, prove: search every remaining file and object for what was erased."""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.executors import worker_count
from pipeline.runtime.paths import PARTICIPANTS, WITHDRAWALS, WITHDRAWALS_COPY
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import one_line
from pipeline.schema.clips import read_clips
from pipeline.versions.git import Repository
from pipeline.withdrawal.find.content import PROVEN, has_tag, is_parquet, is_text, kind_of, recording_of
from pipeline.withdrawal.find.files import cache_folders
from pipeline.withdrawal.fingerprints import Fingerprints
from pipeline.withdrawal.plan import STATE, Plan
from pipeline.withdrawal.stores import Store

_SKIPPED = ("__pycache__", "node_modules")

_WITH_SUBJECT = (PARTICIPANTS, WITHDRAWALS, WITHDRAWALS_COPY)
"""Tables that list the subject on purpose."""

_SAME_RECORDING = 0.5
"""A file of which at least this share is searched for is a recording of the subject, whatever id it has."""

_LINKED = ("raw", "data", "models", "reports", ".emo", ".dvc")
"""Folders of a project that may be links to other disks; links elsewhere are not followed."""


@dataclass(frozen=True)
class Found:
    """A place that still holds something of the subject."""

    place: str
    what: str


@dataclass
class Proof:
    """What was searched, and what was found."""

    files: int = 0
    "Files and Git objects searched."
    size_bytes: int = 0
    images: int = 0
    "Images and pieces of recordings searched for."
    found: list[Found] = field(default_factory=list)
    swept: int = 0
    "Objects that the search found in a store and deleted."
    asked: dict[str, int] = field(default_factory=dict)
    "Remote on another machine -> number of objects that it was checked for."
    unlisted: dict[str, int] = field(default_factory=dict)
    "Remote on another machine -> number of its objects that no version lists; they were not judged."
    vanished: int = 0
    "Files that other programs removed during the search."
    common: int = 0
    "Samples left out because recordings of several other subjects have them too."

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.found


def prove(plan: Plan, stores: Sequence[Store], repository: Repository) -> Proof:
    """Search the project, the cache, DVC's stores and Git for what the plan erased.

    Files are searched byte by byte, and by their recording, rows and tags. An object of a store that holds
    what was erased and is the subject's by its content is deleted. A remote on another machine is checked for
    the objects.
    """
    proof = Proof(images=plan.looked_for.count)
    suspects = _search_files(plan, stores, repository, proof)
    looked_for = _without_common(plan.looked_for, suspects, proof)
    for path in suspects:
        _search_again(path, looked_for, proof)
    _search_git(looked_for, repository, proof)
    for store in stores:
        if not store.folder:
            _check_remote(store, plan, proof)
    return proof


# --- Files ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Searched:
    size_bytes: int
    held: int
    "Number of images and pieces of recordings."
    kind: str
    "What the file holds of the subject by its recording, rows or tag; empty if nothing."


def _search_files(plan: Plan, stores: Sequence[Store], repository: Repository, proof: Proof) -> list[Path]:
    """Search all files; return those with something searched for that may belong to another subject."""
    folders = [folder for folder in (repository.lfs_folder, *(store.folder for store in stores)) if folder]
    # Git LFS may keep its objects above the project.
    files = list(_files([Path(), *map(Path, _LINKED), *cache_folders(), *folders]))
    suspects: list[Path] = []
    with progress_bar("searching", len(files)) as advance, ThreadPoolExecutor(worker_count()) as threads:
        results = threads.map(lambda path: _search(path, plan, stores), files)
        for path, searched in zip(files, results, strict=True):
            if _count(path, searched, stores, proof):
                suspects.append(path)
            advance()
    return suspects


def _files(roots: Iterable[Path]) -> Iterator[Path]:
    """Yield every file below some folders once, however many names and folders it has.

    Hidden folders come last: DVC's cache shares files with the workspace, whose names say more. Left out:
    Git's objects, which are searched separately, Python environments, and the records of erasures.
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


def _search(path: Path, plan: Plan, stores: Sequence[Store]) -> _Searched | None:
    """Return what a file holds of the subject; None if it is gone."""
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            held = plan.looked_for.held_by(file)
        is_table = is_text(path)
        is_media = not is_parquet(path) and not is_table
        in_history = is_table and ".git" in path.parts  # Git LFS: text tables of all versions, as in Git
        kind = "" if in_history else kind_of(path, plan.subject, sha256(path) if is_media else "")
        if not kind and has_tag(path, plan.subject.code):
            kind = "image or file that emo made of the subject"
    except FileNotFoundError:
        return None
    is_shared = any(store.is_shared and store.id_of(path) for store in stores)
    is_certain = held or kind in PROVEN or not is_shared
    return _Searched(size_bytes, held, kind if is_certain else "")


def _count(path: Path, searched: _Searched | None, stores: Sequence[Store], proof: Proof) -> bool:
    """Count a searched file, and delete it if it is the subject's object in a store.

    Returns whether to search it again: it holds something, and its content does not say whose it is.
    """
    if searched is None:
        proof.vanished += 1
        return False
    proof.files += 1
    proof.size_bytes += searched.size_bytes
    if not searched.kind or path in {table.resolve() for table in _WITH_SUBJECT}:
        return bool(searched.held)
    store = next((store for store in stores if store.id_of(path)), None)
    if store and (searched.held or searched.kind in PROVEN):
        store.delete(store.id_of(path))
        proof.swept += 1
    else:
        what = _held_words(searched.held) if searched.held else searched.kind
        proof.found.append(Found(_relative(path), what))
    return False


def _without_common(looked_for: Fingerprints, suspects: Sequence[Path], proof: Proof) -> Fingerprints:
    """Return the fingerprints without the samples that recordings of two or more other subjects have too.

    A title card at the start of all recordings, for example, identifies no subject. But a file of which half
    is searched for is the subject's own recording, enrolled again under another id, and does not count. If
    half of all fingerprints would be left out, none are.
    """
    samples = _samples_by_subject(looked_for, suspects)
    if len(samples) < 2:
        return looked_for
    values, counts = np.unique(np.concatenate(list(samples.values())), return_counts=True)
    own = looked_for.without(values[counts > 1])
    if own.count * 2 < looked_for.count:
        return looked_for
    proof.common = int((counts > 1).sum())
    return own


def _samples_by_subject(looked_for: Fingerprints, suspects: Sequence[Path]) -> dict[str, np.ndarray]:
    """Return the samples that recordings and shards of other subjects share with what is searched for."""
    subjects = {clip.sha256: clip.subject for clip in read_clips()}
    samples: dict[str, np.ndarray] = {}
    for path in suspects:
        with contextlib.suppress(FileNotFoundError):
            recording = recording_of(path)
            # A shard of a recording that is not enrolled here: another project's, in a shared cache.
            if subject := subjects.get(recording, recording if is_parquet(path) else ""):
                with path.open("rb") as file:
                    if looked_for.share_of(file) >= _SAME_RECORDING:
                        continue
                    file.seek(0)
                    hits = looked_for.hits(file)
                samples[subject] = np.union1d(samples.get(subject, hits), hits)
    return samples


def _search_again(path: Path, looked_for: Fingerprints, proof: Proof) -> None:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        if held := looked_for.held_by(file):
            proof.found.append(Found(_relative(path), _held_words(held)))


def _held_words(held: int) -> str:
    return f"{held} of the erased images or pieces of recordings"


def _relative(path: Path) -> str:
    """Return a path relative to the project's folder, if it is below it."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


# --- Git and remotes on other machines --------------------------------------------------------------


def _search_git(looked_for: Fingerprints, repository: Repository, proof: Proof) -> None:
    """Search everything that Git keeps: an image may have been committed."""
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
        proof.found.append(Found("Git's history", f"not searched completely: {error}"))
    for name, held in found.items():
        where = f"history: {paths[name]}" if name in paths else "objects that no commit lists"
        proof.found.append(Found(f"Git's {where} ({name[:12]})", _held_words(held)))


def _check_remote(store: Store, plan: Plan, proof: Proof) -> None:
    """Check whether a remote on another machine still has the objects."""
    try:
        present = set(store.ids())
    except Exception as error:  # every kind of storage raises errors of its own
        proof.found.append(Found(store.name, f"could not be checked: {one_line(error)}"))
        return
    proof.asked[store.name] = len(plan.objects)
    proof.unlisted[store.name] = len(present - plan.listed.objects)
    left = sorted(present & plan.objects.keys())
    proof.found += [Found(f"{store.name}: {md5}", plan.objects[md5]) for md5 in left]
