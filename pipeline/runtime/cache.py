"""Incremental work: a shard is computed once for the same content, settings and code.

DVC empties a stage's output folder before it runs, and sees it only as a whole. The cache lies outside the
outputs (`.emo/cache`, or EMO_CACHE) and keeps every finished shard under a key made from all that it depends
on; a stage links the cached shards and computes the others. Removing the cache costs only time.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.code import code_digest
from pipeline.runtime.errors import EmoError
from pipeline.runtime.executors import run_all, worker_count
from pipeline.runtime.files import refuse_links
from pipeline.runtime.paths import original
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.stage import logger
from pipeline.runtime.worker_limits import WorkerStoppedError

DEFAULT_CACHE = Path(".emo/cache")

OLD_CACHE = Path(".emo/memo")
"""Location of the cache in version 0.1; used if it exists."""

_VARIABLES = ("EMO_CACHE", "EMO_MEMO")
"""Environment variables that name the cache; the second is its name in version 0.1."""

_STALE_S = 24 * 3600.0


@dataclass(frozen=True)
class Shard:
    """One shard to compute: its name, and everything that its content depends on besides the code."""

    name: str
    "Id of the clip; the file is <name>.parquet."
    source: Path
    "The only file that the shard is made from."
    digest: str
    "Digest of the source's content."
    settings: Any
    "A dataclass of plain values: the stage's params and, if there is one, the segment."


@dataclass(frozen=True)
class _Work:
    compute: Callable[[Path, Any, Path], object]
    shard: Shard
    target: Path
    length_and_time: tuple[int, int]
    "Of the source when it was known to have its digest, in bytes and nanoseconds."


def cache_root() -> Path:
    """Return the folder of the cache: EMO_CACHE, or .emo/cache of the project (not of a copy of it)."""
    named = next(filter(None, map(os.environ.get, _VARIABLES)), None)
    top = original(Path.cwd())
    default = (
        OLD_CACHE if (top / OLD_CACHE).is_dir() and not (top / DEFAULT_CACHE).is_dir() else DEFAULT_CACHE
    )
    return Path(named or top / default).resolve()


def build_shards(
    stage: str,
    shards: Sequence[Shard],
    compute: Callable[[Path, Any, Path], object],
    folder: Path,
    refused: Sequence[str] = (),
) -> None:
    """Fill `folder` with exactly these shards, computing those that the cache lacks.

    `compute(source, settings, target)` is a function of a module (not a lambda) and writes the shard to
    `target`; it runs in several processes. All shards that can be computed are linked before an EmoError
    lists the others, one line each, with `refused` (lines about clips that have no shard) among them.
    """
    store = _open_store(stage)
    code = code_digest(compute.__module__)
    stored = {shard.name: store / f"{_key(shard, code)}.parquet" for shard in shards}
    missing = [
        _Work(compute, s, stored[s.name], _length_and_time(s.source))
        for s in shards
        if not stored[s.name].is_file()
    ]
    missing.sort(key=lambda work: (-work.length_and_time[0], work.shard.name))
    failures = _compute_all(stage, missing)
    _link_all({name: path for name, path in stored.items() if name not in failures}, folder)
    _report(len(shards) - len(missing), len(missing) - len(failures), len(failures) + len(refused))
    if failures or refused:
        raise EmoError(*sorted([*failures.values(), *refused]))


def _open_store(stage: str) -> Path:
    """Create the folder of a stage's shards if needed, remove leftovers of killed runs, and return it."""
    store = cache_root() / stage
    try:
        store.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise EmoError(
            f"{store}: cannot be created ({error.strerror}); remove what blocks it, or "
            "set EMO_CACHE to another folder"
        ) from None
    _sweep(store)
    return store


def _key(shard: Shard, code: str) -> str:
    parts = {"source": shard.digest, "settings": asdict(shard.settings), "code": code}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _compute_all(stage: str, missing: Sequence[_Work]) -> dict[str, str]:
    """Compute the missing shards; return a line for each that failed, by name."""
    failures: dict[str, str] = {}
    with progress_bar(stage, len(missing)) as advance:
        for work, error in run_all(_compute_one, missing, worker_count(), limited=True):
            advance()
            if isinstance(error, WorkerStoppedError):
                failures[work.shard.name] = f"clip {work.shard.name}: {work.shard.source}: {error}"
            elif isinstance(error, EmoError):
                failures[work.shard.name] = f"clip {work.shard.name}: {error}"
            elif isinstance(error, OSError):
                raise error
            elif error is not None:
                failures[work.shard.name] = _crash(work, error)
    return failures


def _crash(work: _Work, error: BaseException) -> str:
    """Describe an error that the clip did not cause: a killed worker, or a bug (with its traceback)."""
    where = f"clip {work.shard.name}: {work.shard.source}"
    if isinstance(error, (BrokenExecutor, MemoryError)):
        return f"{where}: its worker was killed, possibly out of memory; set EMO_WORKERS=1 and rerun"
    traceback.print_exception(error)
    return f"{where}: a bug in emo ({type(error).__name__}: {error}); report it with the traceback above"


def _compute_one(work: _Work) -> None:
    """Compute one shard and rename it into the cache; it is read-only because links share it."""
    temporary = work.target.with_name(f".{work.target.name}.{os.getpid()}.tmp")
    try:
        work.compute(work.shard.source, work.shard.settings, temporary)
        if _length_and_time(work.shard.source) != work.length_and_time:
            raise EmoError(
                f"{work.shard.source}: changed while it was read; restore it with `dvc checkout`, and rerun "
                "`dvc repro`"
            )
        temporary.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        temporary.replace(work.target)
    finally:
        temporary.unlink(missing_ok=True)


def _length_and_time(source: Path) -> tuple[int, int]:
    info = source.stat()
    return info.st_size, info.st_mtime_ns


def _link_all(stored: dict[str, Path], folder: Path) -> None:
    """Fill `folder` with a link <name>.parquet to each cached shard; remove all else from it."""
    refuse_links(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name, path_in_cache in stored.items():
        path = folder / f"{name}.parquet"
        try:
            os.link(path_in_cache, path)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path_in_cache, path)


def _sweep(store: Path) -> None:
    """Remove the temporary files of killed runs."""
    for path in store.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()


def _report(unchanged: int, computed: int, failed: int) -> None:
    tail = f", {failed} failed" if failed else ""
    logger.info("%d clips computed, %d unchanged%s", computed, unchanged, tail)
