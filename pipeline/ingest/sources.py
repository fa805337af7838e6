"""Which files of the given folders are videos, or pictures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.ingest.layouts.layout import Media
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import VIDEOS

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"})
MEDIA_SUFFIXES = VIDEO_SUFFIXES | PICTURE_SUFFIXES
_SUFFIXES = {Media.VIDEOS: VIDEO_SUFFIXES, Media.PICTURES: PICTURE_SUFFIXES}
_SOUND_SUFFIXES = frozenset(
    {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav", ".wma"}
)


@dataclass(frozen=True)
class Source:
    """One file to enrol, or one that tells a label."""

    path: Path
    "as given, for opening and for messages"
    name: PurePosixPath
    "the path that layouts read: from the given folder on, its own name included"


@dataclass(frozen=True)
class Sources:
    """All files found."""

    files: tuple[Source, ...]
    "videos or pictures, sorted by name"
    media: Media
    labels: tuple[Source, ...]
    "small text files that tell the labels of pictures, where such are looked for"
    skipped: Mapping[str, int]
    "reason -> files"


def find_sources(given: Sequence[Path], media: Media = Media.VIDEOS, labels: str = "") -> Sources:
    """Return the videos, or the pictures, among files and, recursively, folders.

    A file given by itself is taken for one whatever its suffix. Files whose names end in `labels` are kept
    apart. Raises EmoError where something does not exist, lies in raw/videos, or holds none.
    """
    skipped: Counter[str] = Counter()
    found: dict[Path, Source] = {}
    told: dict[Path, Source] = {}
    for path in given:
        check_given(path)
        here, texts = _below(path, skipped, media, labels)
        if not here and not texts:
            raise EmoError(f"{path}: {_nothing(skipped, media)}; {_REMEDIES[media]}")
        found = here | found
        told |= texts
    if not found:
        raise EmoError(f"no {media.value}s given; give a folder or files, or a --manifest")
    return Sources(_sorted(found), media, _sorted(told), dict(skipped))


def media_of(given: Sequence[Path]) -> Media:
    """Return what is given, or lies in folders: pictures, where there is not one video but some picture."""
    files = [file for path in given for file in (files_below(path) if path.is_dir() else [path])]
    kinds = {file.suffix.lower() for file in files}
    return Media.PICTURES if kinds & PICTURE_SUFFIXES and not kinds & VIDEO_SUFFIXES else Media.VIDEOS


_REMEDIES = {
    Media.VIDEOS: "give the folder of the recordings",
    Media.PICTURES: "give the folder of the pictures",
}


def _sorted(found: Mapping[Path, Source]) -> tuple[Source, ...]:
    return tuple(sorted(found.values(), key=lambda source: source.name.parts))


def check_outside(path: Path) -> None:
    """Raise EmoError for a recording in raw/videos, where only ingest puts files."""
    if path.resolve().is_relative_to(VIDEOS.resolve()):
        raise EmoError(
            f"{path}: lies in {VIDEOS}, which emo fills by itself; move it elsewhere, then ingest it"
        )


def check_given(path: Path) -> None:
    """Raise EmoError for a path that leads nowhere, or into raw/videos."""
    try:
        if not path.exists():
            raise EmoError(f"{path}: no such file or folder")
    except OSError as error:  # too long a path, for example
        raise EmoError(f"{path}: cannot be opened ({error.strerror}); give another path") from None
    check_outside(path)


def _below(
    path: Path, skipped: Counter[str], media: Media, labels: str
) -> tuple[dict[Path, Source], dict[Path, Source]]:
    """Return the files, and the texts, of one file or folder by their places.

    One file has one place, however it is given. Links to files stay what they are called: the target of a
    link may have another name.
    """
    if not path.is_dir():
        place = path.parent.resolve() / path.name
        return {place: Source(path, PurePosixPath(*place.parts[1:]))}, {}
    top = path.resolve()
    found, texts = dict[Path, Source](), dict[Path, Source]()
    for file in files_below(path):
        place = top / file.relative_to(path)
        source = Source(file, PurePosixPath(top.name, *place.relative_to(top).parts))
        is_pipe = file.exists() and not file.is_file()
        if labels and file.name.endswith(labels) and not file.name.startswith(".") and not is_pipe:
            texts[place] = source
        elif reason := why_not(file, media):
            skipped[reason] += 1
        else:
            found[place] = source
    return found, texts


def files_below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yield all files below a folder, through links to folders too, but not in a circle.

    Hidden folders are passed over. `above` are the folders that it lies in.
    """
    here = folder.resolve()
    if here in above:
        return
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
        elif not path.name.startswith("."):
            yield from files_below(path, above | {here})


def why_not(file: Path, media: Media) -> str:
    """Return why a file of a folder is no candidate; empty if it is one."""
    suffix = file.suffix.lower()
    if file.name.startswith("."):
        return "hidden file"
    if file.exists() and not file.is_file():  # a pipe would be waited for, without end
        return "no regular file"
    if suffix in _SOUND_SUFFIXES:
        return f"sound only ({suffix})"
    return "" if suffix in _SUFFIXES[media] else f"no {media.value} by its name ({suffix or 'no suffix'})"


def _nothing(skipped: Mapping[str, int], media: Media) -> str:
    if not skipped:
        return "an empty folder"
    said = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
    hint = "; unpack the archives first" if any(".zip" in reason for reason in skipped) else ""
    return f"no {media.value} in it ({said}{hint})"
