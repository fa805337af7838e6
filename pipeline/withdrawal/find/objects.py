"""Which of DVC's objects hold a subject, in all versions.

Files of one subject are recognised by the names in DVC's lists of folders. Images, tables and models of many
subjects are recognised by what they were made from: an output is free of the subject only if dvc.lock names,
as its source, a list of files without the subject. An output that cannot be judged counts as the subject's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile

from pipeline.runtime.digests import sha256_all
from pipeline.runtime.dvc_hash import FOLDER_SUFFIX, listing_md5
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
    WITHDRAWAL_STATE,
)
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.dvc_lock import LOCK, POINTER, StageLock, read_listing, read_lock, read_pointer
from pipeline.versions.git import Repository
from pipeline.withdrawal.find.content import PROVEN, RECORDING, is_image_or_weights, is_parquet, kind_of
from pipeline.withdrawal.stores import Store, Stores
from pipeline.withdrawal.subject import Subject

UNCOMMITTED = "image or model of a run that was never committed"

_EMO = WITHDRAWAL_STATE.parent

_TEST = (f"{DATASET}/test",)
_FITTED = (f"{DATASET}/train", f"{DATASET}/validation")
_SOURCES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    DUPLICATES.as_posix(): ((str(FACES),),),
    NEAR_PAIRS.as_posix(): ((str(FACES),),),
    SHEETS.as_posix(): ((str(DATASET),),),
    MISTAKES_PLOT.as_posix(): (_TEST, (str(DATASET),)),
    PREDICTIONS.as_posix(): (_TEST, (str(DATASET),)),
    METRICS.as_posix(): (_TEST, (str(DATASET),)),  # by subject; DVC's run-cache keeps a copy of it
    MODEL.as_posix(): (_FITTED, (str(DATASET),)),
}
"""Outputs of many subjects -> the folders whose lists show whether the subject is in them: the first of these
sets that the stage has. A model depends on the validation subjects too, by early stopping."""


@dataclass(frozen=True)
class ListedObjects:
    """The objects that the versions of a project list by MD5, in any .dvc file or dvc.lock."""

    objects: frozenset[str]
    "Every output, and every file in the lists of folders."
    folders: Mapping[str, Mapping[str, str]]
    "`<MD5>.dir` -> its list of files, relative path -> MD5, if it can be read."
    stages: tuple[StageLock, ...]
    unread: tuple[str, ...] = ()
    "Errors of files that could not be read."
    foreign: frozenset[str] = frozenset()
    "Outputs listed only by other .dvc files and other pipelines: their file names mean nothing here."


def find_listed(repository: Repository, read: Callable[[str], bytes | None]) -> ListedObjects:
    """Return the objects that all commits and the workspace list; `read` gives an object's content."""
    stages: list[StageLock] = []
    own: set[str] = set()
    foreign: set[str] = set()
    unread: list[str] = []
    for path, text in _dvc_files(repository):
        try:
            if path == LOCK.name:
                stages += read_lock(text, path).values()
            elif PurePosixPath(path).name == LOCK.name:  # of another pipeline, with paths of its own
                foreign |= _outs(read_lock(text, path).values())
            else:
                (own if path == POINTER.as_posix() else foreign).update(read_pointer(text, path).values())
        except EmoError as error:  # a commit with conflict markers, for example: it has no outputs
            unread.append(str(error))
    own |= _outs(stages)
    outs = own | foreign
    contents = {md5: data for md5 in outs if md5.endswith(FOLDER_SUFFIX) and (data := read(md5))}
    folders = {md5: files for md5, data in contents.items() if (files := parsed_listing(data)) is not None}
    entries = {md5 for files in folders.values() for md5 in files.values()}
    errors = tuple(sorted(set(unread)))
    return ListedObjects(
        frozenset(outs | entries) - {""}, folders, tuple(stages), errors, frozenset(foreign - own)
    )


def find_objects(
    subject: Subject, listed: ListedObjects, stores: Stores, known: Mapping[str, str]
) -> dict[str, str]:
    """Return the objects that are the subject's, or that cannot be ruled out: MD5 -> what it is, in words.

    `known` are those that an earlier erasure found; a store may have them again.
    """
    cache = stores.cache
    uncommitted = [] if cache.is_shared else [md5 for md5 in cache.listings() if md5 not in listed.folders]
    found = {**known, **_by_name(subject, listed, [data for md5 in uncommitted if (data := cache.read(md5))])}
    found = {md5: what for md5, what in found.items() if not _is_table_without(subject, md5, what, stores)}
    found |= {row.md5: RECORDING for row in read_withdrawn() if row.subject == subject.code and row.md5}
    for store in stores:
        found |= _by_content(subject, store)
    return found | _uncommitted_images(cache, listed)


def has_name_of(subject: Subject, relative: str) -> bool:
    """Whether a file of raw/videos, data/frames, data/faces or data/dataset is the subject's by its name."""
    path = PurePosixPath(relative)
    if relative in subject.videos:
        return True
    if path.suffix != ".parquet":
        return False
    return path.stem in subject.clips if len(path.parts) == 1 else path.stem == subject.code


def parsed_listing(data: bytes) -> dict[str, str] | None:
    """Return the files of a folder from DVC's list, relative path -> MD5; None if the object is damaged."""
    try:
        return read_listing(data)
    except (ValueError, KeyError, TypeError):
        return None


def _outs(stages: Iterable[StageLock]) -> set[str]:
    return {md5 for stage in stages for md5 in stage.outs.values()}


def _dvc_files(repository: Repository) -> Iterator[tuple[str, str]]:
    """Yield path and text of every .dvc file and dvc.lock of all commits and of the workspace, each once."""
    names = repository.all_paths(f"*{LOCK.name}", "*.dvc")
    commits = repository.all_commits()
    found = repository.read((commit, Path(name)) for commit in commits for name in names)
    texts = [(str(path), data) for (_, path), data in found.items()]
    here = [path for pattern in ("*.dvc", LOCK.name) for path in Path().rglob(pattern) if path.is_file()]
    texts += [(path.as_posix(), path.read_bytes()) for path in here if ".dvc" not in path.parts]
    for path, data in dict.fromkeys(texts):
        yield path, data.decode("utf-8", "replace")


# --- By name, and by what an output was made from ---------------------------------------------------


def _by_name(subject: Subject, listed: ListedObjects, uncommitted: Iterable[bytes]) -> dict[str, str]:
    """Return the subject's objects by the lists of folders; `uncommitted` are lists that no version names."""
    found: dict[str, str] = {}
    folders = [files for md5, files in listed.folders.items() if md5 not in listed.foreign]
    for files in (*folders, *filter(None, map(parsed_listing, uncommitted))):
        found |= _files_of(subject, files)
    clean = _free_of(subject, listed)
    for stage in listed.stages:
        for path, md5 in stage.outs.items():
            if path in _SOURCES and not _is_clean(stage, path, clean):
                entries = listed.folders.get(md5, {"": md5})
                found |= {entry: f"{path}/{name}" if name else path for name, entry in entries.items()}
    return {md5: what for md5, what in found.items() if not md5.endswith(FOLDER_SUFFIX)}


def _files_of(subject: Subject, files: Mapping[str, str]) -> dict[str, str]:
    """Return the subject's files in a list of a folder: MD5 -> name."""
    found = {md5: name for name, md5 in files.items() if has_name_of(subject, name)}
    if found and CROISSANT.name in files:  # it names every shard
        found[files[CROISSANT.name]] = CROISSANT.name
    return found


def _free_of(subject: Subject, listed: ListedObjects) -> frozenset[str]:
    """Return the MD5 (`<MD5>.dir`) of lists, and of the folders in them, that hold nothing of the subject.

    The MD5 is computed from the content: a list from which an erasure removed lines no longer has the MD5 by
    which dvc.lock names it.
    """
    found = {listing_md5(files) for files in listed.folders.values() if not _files_of(subject, files)}
    for files in listed.folders.values():
        for top in {name.split("/")[0] for name in files if "/" in name}:
            part = {name: md5 for name, md5 in files.items() if name.startswith(f"{top}/")}
            if not any(has_name_of(subject, name) for name in part):
                found.add(listing_md5({name.removeprefix(f"{top}/"): md5 for name, md5 in part.items()}))
    return frozenset(found)


def _is_clean(stage: StageLock, path: str, clean: frozenset[str]) -> bool:
    """Whether a stage made an output from lists without the subject."""
    known = {**stage.deps, **stage.outs}
    sources = next((names for names in _SOURCES[path] if all(name in known for name in names)), ())
    return bool(sources) and all(known[name] in clean for name in sources)


# --- By content -------------------------------------------------------------------------------------


def _is_table_without(subject: Subject, md5: str, what: str, stores: Stores) -> bool:
    """Whether an object is a table of many subjects that, as far as it can be read, has no row of the
    subject.

    A table without any rows may be the same in all versions.
    """
    if Path(what).suffix not in (".parquet", ".csv") or not what.startswith(("data/", "reports/")):
        return False
    table = stores.read(md5)
    if not table:
        return False
    _EMO.mkdir(exist_ok=True)
    with NamedTemporaryFile(dir=_EMO, prefix=".", suffix=".tmp") as file:
        file.write(table)
        file.flush()
        return not kind_of(Path(file.name), subject, "")


def _by_content(subject: Subject, store: Store) -> dict[str, str]:
    """Return the objects of a store on this machine whose content is the subject's.

    In a store that other projects may share, an id proves nothing: only the digest of a recording counts.
    """
    paths = {
        path: md5 for md5 in store.ids() if not md5.endswith(FOLDER_SUFFIX) and (path := store.path(md5))
    }
    digests = sha256_all([path for path in paths if not is_parquet(path)], _EMO / "objects.json")
    kinds = {md5: kind_of(path, subject, digests.get(path, "")) for path, md5 in paths.items()}
    return {md5: kind for md5, kind in kinds.items() if kind and (kind in PROVEN or not store.is_shared)}


def _uncommitted_images(cache: Store, listed: ListedObjects) -> dict[str, str]:
    """Return the cache's images and models that no version lists: of runs between two commits.

    In a cache that several projects share they may be another project's, and are left.
    """
    if cache.folder is None or cache.is_shared:
        return {}
    others = [md5 for md5 in cache.ids() if not md5.endswith(FOLDER_SUFFIX) and md5 not in listed.objects]
    paths = {md5: path for md5 in others if (path := cache.path(md5))}
    return {md5: UNCOMMITTED for md5, path in paths.items() if is_image_or_weights(path)}
