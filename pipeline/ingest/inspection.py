"""Inspecting files: SHA-256, size, and the video properties that probing finds."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.executors import worker_count
from pipeline.runtime.progress import Advance
from pipeline.video.info import VideoInfo
from pipeline.video.probe import probe
from pipeline.video.stills import probe_still

Item = TypeVar("Item")
Result = TypeVar("Result")

ProgressBar = Callable[[str, int], AbstractContextManager[Advance]]
"""Shows a label and a number of steps, such as `progress_bar`."""


@dataclass(frozen=True)
class InspectedFile:
    """A file that was read completely."""

    sha256: str
    size_bytes: int
    info: VideoInfo | None
    "None if the content is already enrolled: it was probed then."


def inspect_files(
    stills: Mapping[Path, bool], known: Collection[str], progress: ProgressBar, *, strict: bool = False
) -> tuple[dict[Path, InspectedFile], list[str]]:
    """Hash every file, and probe those whose content is not yet enrolled.

    Args:
        stills: Files to inspect -> whether the file must be a still image, not a video.
        known: SHA-256 of every enrolled recording.
        progress: Shows the progress.
        strict: Whether a recording that is cut off is an error.

    Returns:
        The files that could be read, and all errors, in the order of the paths.
    """
    paths = sorted(stills)
    with progress("checking", len(paths)) as advance:
        results = run_in_threads(lambda path: _inspect(path, known, is_still=stills[path]), paths, advance)
    if strict:
        results = [_refuse_cut_off(path, result) for path, result in zip(paths, results, strict=True)]
    found = {
        path: result for path, result in zip(paths, results, strict=True) if isinstance(result, InspectedFile)
    }
    return found, [result for result in results if isinstance(result, str)]


def notes_on(files: Mapping[Path, InspectedFile]) -> list[str]:
    """Return what the user should know about newly inspected files, one line each."""
    return [f"{path}: {note}" for path, file in files.items() if file.info for note in file.info.notes]


def run_in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], advance: Advance
) -> list[Result]:
    """Call `function` for every item in a thread pool; hashing and decoding release the interpreter lock.

    Raises the exception of the first failing item, after all items have finished.
    """
    pool = ThreadPoolExecutor(worker_count())
    try:
        futures = [pool.submit(function, item) for item in items]
        for _ in as_completed(futures):
            advance()
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _refuse_cut_off(path: Path, result: InspectedFile | str) -> InspectedFile | str:
    """Return an error for a recording that is cut off, else the result as it is."""
    if isinstance(result, str) or result.info is None or not result.info.cut_off:
        return result
    return f"{path}: {result.info.cut_off}; supply the complete recording, or ingest without --strict"


def _inspect(path: Path, known: Collection[str], *, is_still: bool) -> InspectedFile | str:
    """Inspect one file; return an error message if it cannot be enrolled."""
    try:
        if path.exists() and not path.is_file():  # reading a pipe may never end
            return f"{path}: not a regular file; leave it out"
        size_bytes = path.stat().st_size
        digest = sha256(path)
        probe_file = probe_still if is_still else probe
        return InspectedFile(digest, size_bytes, None if digest in known else probe_file(path))
    except EmoError as error:
        return str(error)
    except FileNotFoundError:
        return f"{path}: a link to a missing file; fetch the file (`git annex get`), or leave it out"
    except OSError as error:
        return f"{path}: cannot be read ({reason(error)}); check the disk and the file's permissions"
