"""The proof: every file and object that is left is searched for what was erased."""

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.memo import memo_root
from pipeline.core.paths import PARTICIPANTS, WITHDRAWALS
from pipeline.core.progress import progress_bar
from pipeline.history.git import Repository
from pipeline.withdrawal.content import kind_of
from pipeline.withdrawal.fingerprints import Fingerprints
from pipeline.withdrawal.plan import STATE, Plan
from pipeline.withdrawal.stores import Store

_SKIPPED = (".git", "__pycache__", "node_modules")

_TOLD = (PARTICIPANTS.name, WITHDRAWALS.name)
"""Tables that name the person on purpose."""


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
    asked: dict[str, int] = field(default_factory=dict)
    "remotes elsewhere -> objects of which it was asked whether they are there"

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.found


def prove(plan: Plan, stores: Iterable[Store], repository: Repository) -> Proof:
    """Search the project, the memo, the cache, the remotes and Git for what the plan erased.

    Files are searched byte by byte and by what they say of themselves; of a remote on another machine it
    is asked whether it has the objects.
    """
    proof = Proof(pictures=plan.looked_for.count)
    here = [store.folder for store in stores if store.folder]
    files = list(_files([Path(), memo_root(), *here]))
    with progress_bar("searching", len(files)) as advance:
        for path in files:
            _search(path, plan, proof)
            advance()
    _search_git(plan.looked_for, repository, proof)
    for store in stores:
        if not store.folder:
            left = store.present(plan.objects)
            proof.asked[store.name] = len(plan.objects)
            proof.found += [Found(f"{store.name}: {md5}", plan.objects[md5]) for md5 in left]
    return proof


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


def _search(path: Path, plan: Plan, proof: Proof) -> None:
    proof.files += 1
    proof.size_bytes += path.stat().st_size
    with path.open("rb") as file:
        held = plan.looked_for.held_by(file)
    what = f"{held} of the erased pictures or pieces of recordings" if held else kind_of(path, plan.person)
    if what and path.name not in _TOLD:
        proof.found.append(Found(_shown(path), what))


def _shown(path: Path) -> str:
    """Return a path as seen from the project's folder, where it is below it."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _search_git(looked_for: Fingerprints, repository: Repository, proof: Proof) -> None:
    """Search what Git keeps: somebody may have committed a picture."""
    found: dict[str, int] = {}
    for name, data in repository.objects():
        proof.files += 1
        proof.size_bytes += len(data)
        if held := looked_for.held_by(io.BytesIO(data)):
            found[name] = held
    paths = repository.paths_of(found.keys()) if found else {}
    for name, held in found.items():
        place = f"Git's history: {paths.get(name, '')} ({name[:12]})"
        proof.found.append(Found(place, f"{held} of the erased pictures or pieces of recordings"))
