"""The video or image files in the folders given to an ingest."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.ingest.layouts.layout import Media
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.paths import VIDEOS

VIDEO_SUFFIXES = frozenset(
    {".264", ".265", ".3g2", ".3gp", ".asf", ".avc", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264"}
    | {".h265", ".hevc", ".insv", ".ivf", ".m1v", ".m2p", ".m2t", ".m2ts", ".m2v", ".m4v", ".mj2", ".mjpeg"}
    | {".mjpg", ".mkv", ".mod", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm"}
    | {".ogv", ".qt", ".rm", ".rmvb", ".tod", ".trp", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"})
_SUFFIXES = {Media.VIDEOS: VIDEO_SUFFIXES, Media.IMAGES: IMAGE_SUFFIXES}
_AUDIO_SUFFIXES = frozenset(
    {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav", ".wma"}
)


@dataclass(frozen=True)
class Source:
    """One file to enrol, or one label file."""

    path: Path
    "As given; for opening and for messages."
    name: PurePosixPath
    "The path that layouts read: relative to the parent of the given folder."


@dataclass(frozen=True)
class Sources:
    """All files found."""

    files: tuple[Source, ...]
    "Videos or images, sorted by name."
    media: Media
    labels: tuple[Source, ...]
    "Text files that hold the labels of images, if the layout has any."
    skipped: Mapping[str, int]
    "Reason -> number of files."


def find_sources(given: Sequence[Path], media: Media = Media.VIDEOS, labels: str = "") -> Sources:
    """Find the videos or images among files and, recursively, in folders.

    Args:
        given: Files, which are accepted whatever their suffix, and folders.
        media: The kind of file to find in folders.
        labels: Ending of the names of label files; empty if there are none.

    Raises:
        EmoError: A path does not exist, is in raw/videos, or holds no such file.
    """
    skipped: Counter[str] = Counter()
    files: dict[Path, Source] = {}
    label_files: dict[Path, Source] = {}
    for path in given:
        check_given(path)
        found, texts = _files_at(path, skipped, media, labels)
        if not found and not texts:
            raise EmoError(
                f"{path}: {_why_nothing(skipped, media)}; give the folder that holds the {media.value}s"
            )
        files = found | files
        label_files |= texts
    if not files:
        raise EmoError(f"no {media.value}s given; give a folder or files, or a --manifest")
    return Sources(_sorted(files), media, _sorted(label_files), dict(skipped))


def media_of(given: Sequence[Path]) -> Media:
    """Return the kind of the given files: images if there are images and no video at all."""
    files = [file for path in given for file in (files_below(path) if path.is_dir() else [path])]
    suffixes = {file.suffix.lower() for file in files}
    return Media.IMAGES if suffixes & IMAGE_SUFFIXES and not suffixes & VIDEO_SUFFIXES else Media.VIDEOS


def check_outside(path: Path) -> None:
    """Raise EmoError for a recording in raw/videos, to which only ingest adds files."""
    if path.resolve().is_relative_to(VIDEOS.resolve()):
        raise EmoError(
            f"{path}: is in {VIDEOS}, which only `emo ingest` fills; move it elsewhere, then ingest it"
        )


def check_given(path: Path) -> None:
    """Raise EmoError for a path that does not exist or is in raw/videos."""
    try:
        if not path.exists():
            raise EmoError(f"{path}: no such file or folder")
    except OSError as error:  # the path is too long, for example
        raise EmoError(f"{path}: cannot be opened ({reason(error)}); give another path") from None
    check_outside(path)


def files_below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yield all files below a folder except those in hidden folders; follow links to folders, without cycles.

    `above` are the folders that contain this one, resolved.
    """
    here = folder.resolve()
    if here in above:
        return
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
        elif not path.name.startswith("."):
            yield from files_below(path, above | {here})


def skip_reason(file: Path, media: Media) -> str:
    """Return why a file in a folder is not enrolled; empty if it is."""
    suffix = file.suffix.lower()
    if file.name.startswith("."):
        return "hidden file"
    if _is_irregular(file):
        return "not a regular file"
    if suffix in _AUDIO_SUFFIXES:
        return f"audio only ({suffix})"
    return "" if suffix in _SUFFIXES[media] else f"not {_ARTICLES[media]} ({suffix or 'no suffix'})"


_ARTICLES = {Media.VIDEOS: "a video", Media.IMAGES: "an image"}


def _files_at(
    path: Path, skipped: Counter[str], media: Media, labels: str
) -> tuple[dict[Path, Source], dict[Path, Source]]:
    """Return the media files and the label files of one file or folder, by location.

    A file has one location, however it is given. A link to a file keeps its own name: its target may be named
    differently.
    """
    if not path.is_dir():
        location = path.parent.resolve() / path.name
        return {location: Source(path, PurePosixPath(*location.parts[1:]))}, {}
    top = path.resolve()
    files, texts = dict[Path, Source](), dict[Path, Source]()
    for file in files_below(path):
        name = file.relative_to(path)
        source = Source(file, PurePosixPath(top.name, *name.parts))
        if (
            labels
            and file.name.endswith(labels)
            and not file.name.startswith(".")
            and not _is_irregular(file)
        ):
            texts[top / name] = source
        elif why := skip_reason(file, media):
            skipped[why] += 1
        else:
            files[top / name] = source
    return files, texts


def _is_irregular(file: Path) -> bool:
    """Return whether a file is a pipe, a socket or a device: reading one may never end."""
    return file.exists() and not file.is_file()


def _sorted(found: Mapping[Path, Source]) -> tuple[Source, ...]:
    return tuple(sorted(found.values(), key=lambda source: source.name.parts))


def _why_nothing(skipped: Mapping[str, int], media: Media) -> str:
    if not skipped:
        return "the folder is empty"
    counts = ", ".join(f"{count} {why}" for why, count in sorted(skipped.items()))
    hint = "; unpack the archives first" if any(".zip" in why for why in skipped) else ""
    return f"no {media.value} found ({counts}{hint})"
