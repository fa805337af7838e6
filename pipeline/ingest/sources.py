"""Which files of the given folders are videos."""

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
        here = _below(path, skipped)
        if not here:
            raise EmoError(f"{path}: {_nothing(skipped)}; give the folder of the recordings")
        for place, source in here.items():
            found.setdefault(place, source)
    if not found:
        raise EmoError("no videos given; give a folder or files, or a --manifest")
    return Sources(tuple(sorted(found.values(), key=lambda source: source.name.parts)), dict(skipped))


def check_outside(path: Path) -> None:
    """Raise EmoError for a recording in raw/videos, where only ingest puts files."""
    if path.resolve().is_relative_to(VIDEOS.resolve()):
        raise EmoError(
            f"{path}: lies in {VIDEOS}, which emo fills by itself; move it elsewhere, then ingest it"
        )


def _check(path: Path) -> None:
    if not path.exists():
        raise EmoError(f"{path}: no such file or folder")
    check_outside(path)


def _below(path: Path, skipped: Counter[str]) -> dict[Path, Source]:
    """Return the videos of one file or folder by their places: one file has one, however it is given.

    Links to files stay what they are called: the target of a link may have another name.
    """
    if not path.is_dir():
        place = path.parent.resolve() / path.name
        return {place: Source(path, PurePosixPath(*place.parts[1:]))}
    top = path.resolve()
    found = {}
    for file in _files(path, frozenset()):
        reason = _why_not(file)
        if reason:
            skipped[reason] += 1
        else:
            place = top / file.relative_to(path)
            found[place] = Source(file, PurePosixPath(top.name, *place.relative_to(top).parts))
    return found


def _files(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yield all files below a folder, through links to folders too, but not in a circle."""
    here = folder.resolve()
    if here in above:
        return
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
        elif not path.name.startswith("."):
            yield from _files(path, above | {here})


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
