"""What is inside the files: their SHA-256, and what probing finds."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.executors import worker_count
from pipeline.runtime.progress import Advance
from pipeline.video.probe import VideoInfo, probe, probe_still

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Found:
    """One file that was read whole."""

    sha256: str
    size_bytes: int
    info: VideoInfo | None
    "None where the content is enrolled already: it was probed then"


def inspect(
    stills: Mapping[Path, bool],
    known: Collection[str],
    progress: Callable[[str, int], AbstractContextManager[Advance]],
) -> tuple[dict[Path, Found], list[str]]:
    """Hash every file and probe those whose content is not `known`; return them and all faults.

    `stills` tells of every file whether it is to be a picture, not a video.
    """
    paths = sorted(stills)
    found: dict[Path, Found] = {}
    faults: list[str] = []

    def results(advance: Advance) -> list[Found | str]:
        return threads(lambda path: _inspect(path, known, is_still=stills[path]), paths, advance)

    with progress("checking", len(paths)) as advance:
        for path, result in zip(paths, results(advance), strict=True):
            if isinstance(result, Found):
                found[path] = result
            else:
                faults.append(result)
    return found, faults


def threads(function: Callable[[Item], Result], items: Sequence[Item], advance: Advance) -> list[Result]:
    """Run `function` on every item, several at a time; hashing and decoding leave Python free.

    Raises what the first failing item raises, after all have run.
    """
    pool = ThreadPoolExecutor(worker_count())
    try:
        futures = [pool.submit(function, item) for item in items]
        for _ in as_completed(futures):
            advance()
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _inspect(path: Path, known: Collection[str], *, is_still: bool) -> Found | str:
    """Return what a file holds, or its fault."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for, without end
            return f"{path}: not a regular file; leave it out"
        size_bytes = path.stat().st_size
        digest = sha256(path)
        look = probe_still if is_still else probe
        return Found(digest, size_bytes, None if digest in known else look(path))
    except EmoError as error:
        return str(error)
    except FileNotFoundError:
        return f"{path}: a link to a file that is not there; fetch it (`git annex get`), or leave it out"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror}); check the disk and the file's permissions"
