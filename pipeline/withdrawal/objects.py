"""Which of DVC's objects hold a person, over all versions: by the names that lists give them, by what they
hold, and, for pictures and nets that many people share, by the version that made them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.core.dataset import SPLITS
from pipeline.core.paths import DUPLICATES, MISTAKES_PLOT, MODEL, NEAR_PAIRS, PREDICTIONS, SHEETS, SPLIT
from pipeline.history.git import Repository
from pipeline.history.lock import LOCK, POINTER, read_listing, read_lock, read_pointer
from pipeline.history.objects import FOLDER_MARK
from pipeline.withdrawal.person import Person, split_in

ReadObject = Callable[[str], bytes | None]
"""Returns the content of an object by its MD5, or None."""

_ANY = frozenset(SPLITS)
_SHARED: Mapping[Path, frozenset[str]] = {
    DUPLICATES: _ANY,
    NEAR_PAIRS: _ANY,
    SHEETS: _ANY,
    MISTAKES_PLOT: frozenset({"test"}),
    PREDICTIONS: frozenset({"test"}),
    MODEL: frozenset({"train", "validation"}),
}
"""Outputs that many people are in together, and the splits whose people are in them: training saw the
validation subjects too, since they tell when to stop."""


@dataclass(frozen=True)
class Outputs:
    """What the versions of a project name, by the MD5 under which DVC keeps it."""

    all: frozenset[str]
    "every output of every version"
    shared: Mapping[str, str] = field(default_factory=dict)
    "those of versions with the person that many people are in -> path"


def find_outputs(person: Person, repository: Repository) -> Outputs:
    """Return what dvc.lock and raw/videos.dvc name in every commit and in the workspace."""
    everything: set[str] = set()
    shared: dict[str, str] = {}
    for lock, pointer, split in _versions(repository):
        outs = {
            path: md5 for stage in read_lock(lock, str(LOCK)).values() for path, md5 in stage.outs.items()
        }
        everything |= {*outs.values(), *read_pointer(pointer, str(POINTER)).values()} - {""}
        role = split_in(split, person.subject)
        for path, splits in _SHARED.items():
            if role in splits and (md5 := outs.get(path.as_posix())):
                shared[md5] = path.as_posix()
    return Outputs(frozenset(everything), shared)


def held_by_name(person: Person, outputs: Outputs, read: ReadObject, lists: Iterable[str]) -> dict[str, str]:
    """Return the objects that lists of folders, or the versions themselves, call the person's.

    MD5 -> what it is called. `lists` are the MD5s (`<MD5>.dir`) of lists to look into besides the versions'.
    """
    found = {md5: path for md5, path in outputs.shared.items() if not md5.endswith(FOLDER_MARK)}
    for name in {md5 for md5 in outputs.all if md5.endswith(FOLDER_MARK)} | set(lists):
        for relative, md5 in (read_listing(read(name) or b"[]")).items():
            if name in outputs.shared:
                found[md5] = f"{outputs.shared[name]}/{relative}"
            elif is_of(person, relative):
                found[md5] = relative
    return found


def is_of(person: Person, relative: str) -> bool:
    """Tell whether a file in raw/videos, data/frames, data/faces or data/dataset is the person's by name."""
    path = PurePosixPath(relative)
    if relative in person.videos:
        return True
    if path.suffix != ".parquet":
        return False
    return path.stem in person.clips if len(path.parts) == 1 else path.stem == person.subject


def without(listing: bytes, erased: frozenset[str]) -> bytes | None:
    """Return a list of a folder without the erased files; None where it has none of them.

    DVC restores a folder only where all that its list names is there. Without these lines everybody
    else's files still check out, and `dvc status` says, rightly, that the folder is not what it was.
    """
    entries = json.loads(listing)
    kept = [entry for entry in entries if entry["md5"] not in erased]
    return json.dumps(kept, sort_keys=True).encode() if len(kept) < len(entries) else None


def _versions(repository: Repository) -> Iterator[tuple[str, str, bytes]]:
    """Yield dvc.lock, raw/videos.dvc and data/split.csv of the workspace and each commit, each set once."""
    paths = (LOCK, POINTER, SPLIT)
    commits = repository.everything()
    found = repository.read((commit, path) for commit in commits for path in paths)
    sets = [tuple(found.get((commit, path), b"") for path in paths) for commit in commits]
    sets.append(tuple(path.read_bytes() if path.is_file() else b"" for path in paths))
    for lock, pointer, split in dict.fromkeys(sets):
        yield lock.decode("utf-8", "replace"), pointer.decode("utf-8", "replace"), split
