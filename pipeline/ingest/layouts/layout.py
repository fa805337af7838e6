"""The definition of a layout: the way in which a corpus names its files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath


class Media(Enum):
    """Kind of file that a corpus consists of."""

    VIDEOS = "video"
    IMAGES = "image"


@dataclass(frozen=True)
class ParsedName:
    """What a file name states."""

    subject: str
    "Code as written; empty if the corpus has no subject ids."
    word: str
    "Expression, in the corpus's own word."
    clip: str = ""
    "Clip name of the corpus; empty: made of subject, expression and part."
    session: str = ""
    "Recording session of the subject; empty if the name states none."
    part: str = ""
    "Distinguishes the clips of one subject and expression."
    take: str = ""
    "Shared by all clips of one performance; empty if the performance has one clip."
    sex: str = ""
    "F, M, or empty if the name does not state it."


@dataclass(frozen=True)
class SkippedFile:
    """A file that belongs to the corpus but is not enrolled, only counted."""

    reason: str


@dataclass(frozen=True)
class UnreadName:
    """A file whose name does not match the layout: an error."""

    reason: str
    remedy: str = ""
    "For one such file among others; empty if the reason states it."


RENAME = "rename it, or move it out of the folder"

NameReading = ParsedName | SkippedFile | UnreadName
NameReadings = Mapping[PurePosixPath, NameReading]


@dataclass(frozen=True)
class Layout:
    """One way of naming files."""

    name: str
    "Name of the module, and value of `--layout`."
    pattern: str
    "Example of a file name, for messages."
    read: Callable[..., NameReadings]
    "Reads all names (PurePosixPath) of one ingest, each with the folders above it."
    media: Media = Media.VIDEOS
    labels: str = ""
    """Ending of the names of the text files that hold the labels, if any. `read` then also receives their
    contents by path, and may return SkippedFile and UnreadName for them."""
    note: str = ""
    "Shown whenever this layout is used."
    auto: bool = True
    "Whether `--layout auto` considers this layout."
    takes_words: bool = False
    "Whether `read` also receives the words for expressions beyond those that emo knows (a tuple)."
    reads_any_name: bool = False
    "Whether nearly every name matches, so that `auto` counts only names with a known expression."


def corpus(
    name: str,
    pattern: str,
    parse: Callable[[PurePosixPath], ParsedName | SkippedFile | None],
    media: Media = Media.VIDEOS,
) -> Layout:
    """Return the layout of a corpus in which each name can be read by itself."""
    unread = UnreadName(f"name does not match layout {name} ({pattern})", RENAME)

    def read(paths: Sequence[PurePosixPath]) -> NameReadings:
        return {path: parse(path) or unread for path in paths}

    return Layout(name, pattern, read, media)
