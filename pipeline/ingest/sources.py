"""Which files of the given folders are videos."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.core.errors import EmoError
from pipeline.core.paths import VIDEOS

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
_SOUND_SUFFIXES = frozenset(
    {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav", ".wma"}
)


@dataclass(frozen=True)
class Source:
    """One file to enrol."""

    path: Path
    "as given, for opening and for messages"
    name: PurePosixPath
    "the path that layouts read: from the given folder on, its own name included"


@dataclass(frozen=True)
class Sources:
    """All files found."""

    videos: tuple[Source, ...]
    "sorted by name"
    skipped: Mapping[str, int]
    "reason -> files"


def find_sources(given: Sequence[Path]) -> Sources:
    """Return the videos among files and, recursively, folders.

    A file given by itself is taken for a video whatever its suffix. Raises EmoError where something
    does not exist, lies in raw/videos, or holds no video.
    """
    skipped: Counter[str] = Counter()
    found: dict[Path, Source] = {}
    for path in given:
        _check(path)
        here = [source for source in _below(path, skipped) if source.path.resolve() not in found]
        if not here and path.is_dir() and not any(found_below(path, known) for known in found):
            raise EmoError(f"{path}: {_nothing(skipped)}; give the folder of the recordings")
        found |= {source.path.resolve(): source for source in here}
    if not found:
        raise EmoError("no videos given; give a folder or files, or a --manifest")
    return Sources(tuple(sorted(found.values(), key=lambda source: source.name.parts)), dict(skipped))


def found_below(folder: Path, path: Path) -> bool:
    """Tell whether a resolved path lies below a folder."""
    return path.is_relative_to(folder.resolve())


def check_outside(path: Path) -> None:
    """Raise EmoError for a recording in raw/videos, where only ingest puts files."""
    if found_below(VIDEOS, path.resolve()):
        raise EmoError(
            f"{path}: lies in {VIDEOS}, which emo fills by itself; move it elsewhere, then ingest it"
        )


def _check(path: Path) -> None:
    if not path.exists():
        raise EmoError(f"{path}: no such file or folder")
    check_outside(path)


def _below(path: Path, skipped: Counter[str]) -> Iterator[Source]:
    if not path.is_dir():
        yield Source(path, PurePosixPath(*path.absolute().parts[1:]))
        return
    top = path.resolve()
    for file in _files(path):
        reason = _why_not(file)
        if reason:
            skipped[reason] += 1
        else:
            yield Source(file, PurePosixPath(top.name, *file.relative_to(path).parts))


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, through links to folders too, each folder once."""
    seen: set[tuple[int, int]] = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        info = Path(here).stat()
        if (info.st_dev, info.st_ino) in seen:
            folders.clear()
            continue
        seen.add((info.st_dev, info.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(names))


def _why_not(file: Path) -> str:
    """Return why a file of a folder is no candidate; empty if it is one."""
    suffix = file.suffix.lower()
    if file.name.startswith("."):
        return "hidden file"
    if suffix in _SOUND_SUFFIXES:
        return f"sound only ({suffix})"
    return "" if suffix in VIDEO_SUFFIXES else f"no video by its name ({suffix or 'no suffix'})"


def _nothing(skipped: Mapping[str, int]) -> str:
    if not skipped:
        return "an empty folder"
    said = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
    hint = "; unpack the archives first" if any(".zip" in reason for reason in skipped) else ""
    return f"no video in it ({said}{hint})"
