"""Which of DVC's objects hold a person, over all versions.

Files of one person are told by the names that lists of folders give them. Pictures, tables and nets that
many people are in are told by what they were made from: an output is free of the person only where
dvc.lock names, as its source, a list of files in which the person is not. What cannot be told is the
person's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import (
    CROISSANT,
    DATASET,
    DUPLICATES,
    FACES,
    METRICS,
    MISTAKES_PLOT,
    MODEL,
    NEAR_PAIRS,
    PREDICTIONS,
    SHEETS,
)
from pipeline.versions.dvc_cache import FOLDER_MARK
from pipeline.versions.dvc_hash import listing_bytes, listing_md5
from pipeline.versions.dvc_lock import LOCK, POINTER, StageLock, read_listing, read_lock, read_pointer
from pipeline.versions.git import Repository
from pipeline.withdrawal.subject import Person

ReadObject = Callable[[str], bytes | None]
"""Returns the content of an object by its MD5, or None."""

_TEST = (f"{DATASET}/test",)
_FITTED = (f"{DATASET}/train", f"{DATASET}/validation")
_SOURCES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    DUPLICATES.as_posix(): ((str(FACES),),),
    NEAR_PAIRS.as_posix(): ((str(FACES),),),
    SHEETS.as_posix(): ((str(DATASET),),),
    MISTAKES_PLOT.as_posix(): (_TEST, (str(DATASET),)),
    PREDICTIONS.as_posix(): (_TEST, (str(DATASET),)),
    METRICS.as_posix(): (_TEST, (str(DATASET),)),  # by person; DVC's run-cache keeps a copy of it
    MODEL.as_posix(): (_FITTED, (str(DATASET),)),
}
"""Outputs that many people are in together -> the folders whose lists tell whether the person is: the first
of these sets that the stage has. Nets also saw the validation subjects, who tell when to stop."""


@dataclass(frozen=True)
class Named:
    """What the versions of a project name by MD5, in whatever .dvc file or dvc.lock."""

    objects: frozenset[str]
    "every output, and every file in the lists of folders"
    lists: Mapping[str, Mapping[str, str]]
    "`<MD5>.dir` -> relative path -> MD5, as far as they can be read"
    stages: tuple[StageLock, ...]
    unread: tuple[str, ...] = ()
    "faults of files that could not be read"
    foreign: frozenset[str] = frozenset()
    "outputs that only other .dvc files and other pipelines name: what their files are called says nothing"


def find_named(repository: Repository, read: ReadObject) -> Named:
    """Return what every commit and the workspace name; `read` gives the lists."""
    stages: list[StageLock] = []
    own: set[str] = set()
    foreign: set[str] = set()
    unread: list[str] = []
    for path, text in _files(repository):
        try:
            if path == LOCK.name:
                stages += read_lock(text, path).values()
            elif PurePosixPath(path).name == LOCK.name:  # of another pipeline, whose paths are its own
                foreign |= _outs(read_lock(text, path).values())
            else:
                (own if path == POINTER.as_posix() else foreign).update(read_pointer(text, path).values())
        except EmoError as error:  # a commit with the marks of a conflict, say: it has no outputs
            unread.append(str(error))
    own |= _outs(stages)
    outs = own | foreign
    found = {md5: data for md5 in outs if md5.endswith(FOLDER_MARK) and (data := read(md5))}
    lists = {md5: listing for md5, data in found.items() if (listing := _listing(data)) is not None}
    entries = {md5 for listing in lists.values() for md5 in listing.values()}
    faults = tuple(sorted(set(unread)))
    return Named(frozenset(outs | entries) - {""}, lists, tuple(stages), faults, frozenset(foreign - own))


def _outs(stages: Iterable[StageLock]) -> set[str]:
    return {md5 for stage in stages for md5 in stage.outs.values()}


def held(person: Person, named: Named, more: Iterable[bytes] = ()) -> dict[str, str]:
    """Return the objects that are the person's, or cannot be told not to be: MD5 -> what it is.

    `more` are lists that no version names, of runs between two commits.
    """
    found: dict[str, str] = {}
    lists = [listing for md5, listing in named.lists.items() if md5 not in named.foreign]
    for listing in (*lists, *filter(None, map(_listing, more))):
        found |= held_in(person, listing)
    clean = free_of(person, named)
    for stage in named.stages:
        for path, md5 in stage.outs.items():
            if path in _SOURCES and not _is_clean(stage, path, clean):
                entries = named.lists.get(md5, {"": md5})
                found |= {entry: f"{path}/{name}" if name else path for name, entry in entries.items()}
    return {md5: what for md5, what in found.items() if not md5.endswith(FOLDER_MARK)}


def held_in(person: Person, listing: Mapping[str, str]) -> dict[str, str]:
    """Return the person's files in a list of raw/videos, data/frames, data/faces or data/dataset."""
    found = {md5: name for name, md5 in listing.items() if is_of(person, name)}
    if found and CROISSANT.name in listing:  # it names every shard
        found[listing[CROISSANT.name]] = CROISSANT.name
    return found


def is_of(person: Person, relative: str) -> bool:
    """Tell whether a file of one of these folders is the person's by name."""
    path = PurePosixPath(relative)
    if relative in person.videos:
        return True
    if path.suffix != ".parquet":
        return False
    return path.stem in person.clips if len(path.parts) == 1 else path.stem == person.subject


def free_of(person: Person, named: Named) -> frozenset[str]:
    """Return the MD5 (`<MD5>.dir`) of lists, and of the folders in them, that hold nothing of the person.

    They are computed from what the lists hold: one whose lines were taken out no longer has the MD5 by which
    dvc.lock knows it.
    """
    found = {listing_md5(listing) for listing in named.lists.values() if not held_in(person, listing)}
    for listing in named.lists.values():
        for top in {name.split("/")[0] for name in listing if "/" in name}:
            part = {name: md5 for name, md5 in listing.items() if name.startswith(f"{top}/")}
            if not any(is_of(person, name) for name in part):
                found.add(listing_md5({name.removeprefix(f"{top}/"): md5 for name, md5 in part.items()}))
    return frozenset(found)


def without(data: bytes, erased: frozenset[str]) -> bytes | None:
    """Return a list of a folder without the erased files; None where it has none of them.

    DVC restores a folder only where all that its list names is there. Without these lines everybody
    else's files still check out, and `dvc status` says, rightly, that the folder is not what it was.
    """
    listing = _listing(data) or {}
    kept = {name: md5 for name, md5 in listing.items() if md5 not in erased}
    return listing_bytes(kept) if len(kept) < len(listing) else None


def _is_clean(stage: StageLock, path: str, clean: frozenset[str]) -> bool:
    known = {**stage.deps, **stage.outs}
    sources = next((names for names in _SOURCES[path] if all(name in known for name in names)), ())
    return bool(sources) and all(known[name] in clean for name in sources)


def _files(repository: Repository) -> Iterator[tuple[str, str]]:
    """Yield path and text of every .dvc file and dvc.lock of all commits and of the workspace, each once."""
    names = repository.paths_ever(f"*{LOCK.name}", "*.dvc")
    commits = repository.everything()
    found = repository.read((commit, Path(name)) for commit in commits for name in names)
    texts = [(str(path), data) for (_, path), data in found.items()]
    here = [path for pattern in ("*.dvc", LOCK.name) for path in Path().rglob(pattern) if path.is_file()]
    texts += [(path.as_posix(), path.read_bytes()) for path in here if ".dvc" not in path.parts]
    for path, data in dict.fromkeys(texts):
        yield path, data.decode("utf-8", "replace")


def _listing(data: bytes) -> dict[str, str] | None:
    """Return a list of a folder; None where the object is damaged."""
    try:
        return read_listing(data)
    except (ValueError, KeyError, TypeError):
        return None
