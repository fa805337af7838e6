"""SHA-256 of files, cached as long as a file's stat does not change (as in Git and DVC)."""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.runtime.errors import EmoError
from pipeline.runtime.executors import worker_count
from pipeline.runtime.files import write_text
from pipeline.runtime.json_files import parse_json


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_all(paths: Iterable[Path], store: Path) -> dict[Path, str]:
    """Return the SHA-256 of each file; `store` is the JSON file that caches them by stat.

    Raises EmoError if a file is written to meanwhile.
    """
    known = _load(store)
    marks = {path: _mark(path) for path in paths}
    unknown = [path for path in marks if not known.get(marks[path])]
    with ThreadPoolExecutor(worker_count()) as threads:  # hashing releases the interpreter lock
        hashed = dict(zip(unknown, threads.map(sha256, unknown), strict=True))
    if changed := [path for path in unknown if _mark(path) != marks[path]]:
        raise EmoError(f"{changed[0]}: changed while it was read; wait until it is complete, and rerun")
    found = {path: hashed.get(path) or known[mark] for path, mark in marks.items()}
    fresh = {marks[path]: digest for path, digest in found.items()}
    if fresh != known:
        with contextlib.suppress(OSError):  # a read-only cache only costs time
            write_text(store, json.dumps(fresh, sort_keys=True, indent=0))
    return found


def _mark(path: Path) -> str:
    """Return a key that changes with the content: path, inode, length and time of modification."""
    info = path.stat()
    return f"{path}\0{info.st_ino}\0{info.st_size}\0{info.st_mtime_ns}"


def _load(store: Path) -> dict[str, str]:
    try:
        known = parse_json(store.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
