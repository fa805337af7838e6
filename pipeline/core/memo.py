"""Incremental work: a shard is computed once for the same content, settings and code.

DVC empties a stage's output folder before it runs, and sees it only as a whole. The memo stands outside
the outputs (`.emo/memo`, or EMO_MEMO) and keeps every finished shard under a key of what it depends on;
a stage links what is there and computes what is not. It may be removed at any time: only time is lost.
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

from pipeline.core.closure import code_digest
from pipeline.core.errors import EmoError
from pipeline.core.paths import original
from pipeline.core.progress import progress_bar
from pipeline.core.workers import run_all, worker_count

DEFAULT_MEMO = Path(".emo/memo")

_STALE_S = 24 * 3600.0


@dataclass(frozen=True)
class Shard:
    """One shard to make: what it is called, and all that its content depends on besides the code."""

    name: str
    "the clip's id; the file is <name>.parquet"
    source: Path
    "the one file it is made from"
    digest: str
    "of the source's content"
    settings: Any
    "a dataclass of plain values: the stage's params and, where it has one, the segment"


@dataclass(frozen=True)
class _Work:
    compute: Callable[[Path, Any, Path], object]
    shard: Shard
    target: Path


def memo_root() -> Path:
    """Return the folder of the memo: EMO_MEMO, or .emo/memo in the project, whatever copy of it this is."""
    return Path(os.environ.get("EMO_MEMO") or original(Path.cwd()) / DEFAULT_MEMO).resolve()


def build_shards(
    stage: str,
    shards: Sequence[Shard],
    compute: Callable[[Path, Any, Path], object],
    folder: Path,
    refused: Sequence[str] = (),
) -> None:
    """Fill `folder` with exactly these shards, computing those that the memo lacks.

    `compute(source, settings, target)` is a function of a module (not a lambda) and writes the shard to
    `target`; it runs in several processes. All good shards are finished and linked before an EmoError
    names the bad ones, one line each, `refused` (lines about clips that have no shard) among them.
    """
    memo = _open_memo(stage)
    code = code_digest(compute.__module__)
    homes = {shard.name: memo / f"{_key(shard, code)}.parquet" for shard in shards}
    missing = [_Work(compute, s, homes[s.name]) for s in shards if not homes[s.name].is_file()]
    missing.sort(key=lambda work: (-work.shard.source.stat().st_size, work.shard.name))
    failures = _compute_all(stage, missing)
    _link_all({name: home for name, home in homes.items() if name not in failures}, folder)
    _say(stage, len(shards) - len(missing), len(missing) - len(failures), len(failures) + len(refused))
    if failures or refused:
        raise EmoError("\n       ".join(sorted([*failures.values(), *refused])))


def _open_memo(stage: str) -> Path:
    """Return the folder of a stage's shards, made if need be, without the rests of killed runs."""
    memo = memo_root() / stage
    try:
        memo.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise EmoError(
            f"{memo}: cannot be made a folder ({error.strerror}); remove what is in its way, or "
            "set EMO_MEMO to another folder"
        ) from None
    _sweep(memo)
    return memo


def _key(shard: Shard, code: str) -> str:
    parts = {"source": shard.digest, "settings": asdict(shard.settings), "code": code}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _compute_all(stage: str, missing: Sequence[_Work]) -> dict[str, str]:
    """Compute the missing shards; return a line for each that failed, by name."""
    failures: dict[str, str] = {}
    with progress_bar(stage, len(missing)) as advance:
        for work, error in run_all(_compute_one, missing, worker_count()):
            advance()
            if isinstance(error, EmoError):
                failures[work.shard.name] = f"clip {work.shard.name}: {error}"
            elif isinstance(error, OSError):
                raise error
            elif error is not None:
                failures[work.shard.name] = _fault(work, error)
    return failures


def _fault(work: _Work, error: BaseException) -> str:
    """Describe what is not the clip's fault: a worker that was killed, or a bug (with its traceback)."""
    where = f"clip {work.shard.name}: {work.shard.source}"
    if isinstance(error, (BrokenExecutor, MemoryError)):
        return f"{where}: its worker was killed, perhaps for want of memory; set EMO_WORKERS=1 and repeat"
    traceback.print_exception(error)
    return f"{where}: a bug in emo ({type(error).__name__}: {error}); report it with the traceback above"


def _compute_one(work: _Work) -> None:
    """Make one shard and put it into the memo by rename, read-only, since its links share it."""
    temporary = work.target.with_name(f".{work.target.name}.{os.getpid()}.tmp")
    try:
        work.compute(work.shard.source, work.shard.settings, temporary)
        temporary.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        temporary.replace(work.target)
    finally:
        temporary.unlink(missing_ok=True)


def _link_all(homes: dict[str, Path], folder: Path) -> None:
    """Make `folder` hold a link to each home, as <name>.parquet, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name, home in homes.items():
        path = folder / f"{name}.parquet"
        try:
            os.link(home, path)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(home, path)


def _sweep(memo: Path) -> None:
    """Remove what killed runs left behind."""
    for path in memo.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()


def _say(stage: str, unchanged: int, computed: int, failed: int) -> None:
    tail = f", {failed} failed" if failed else ""
    print(f"{stage}: {computed} clips computed, {unchanged} unchanged{tail}", flush=True)
