"""What a layout is: a way in which a corpus names its files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath


class Media(Enum):
    """What a corpus consists of."""

    VIDEOS = "video"
    PICTURES = "picture"


@dataclass(frozen=True)
class Named:
    """What a file's name says."""

    subject: str
    "code as written; empty where the corpus tells none"
    word: str
    "the expression, as the corpus calls it"
    clip: str = ""
    "the corpus's own name of the clip; empty: made of subject, expression and part"
    part: str = ""
    "what tells clips of one subject and expression apart"
    take: str = ""
    "shared by all clips of one performance; empty: it has one clip"
    sex: str = ""
    "F, M, or empty where the name does not tell it"


@dataclass(frozen=True)
class Skip:
    """A file that belongs to the corpus, but shows no face."""

    reason: str


MOVE = "rename it, or take it out of there"


@dataclass(frozen=True)
class Unread:
    """A file whose name does not fit."""

    reason: str
    remedy: str = ""
    "for one such file among others; empty where the reason tells it"


Reading = Named | Skip | Unread
Readings = Mapping[PurePosixPath, Reading]


@dataclass(frozen=True)
class Layout:
    """One way of naming files."""

    name: str
    pattern: str
    "for people to read"
    read: Callable[..., Readings]
    "reads all the names (PurePosixPath) of one ingest, each with the folders above it"
    media: Media = Media.VIDEOS
    labels: str = ""
    """how the names of small text files end that hold the labels; `read` gets their contents by path, too,
    and may return Skip and Unread of them"""
    note: str = ""
    "what whoever enrols such a corpus should know"


def corpus(
    name: str,
    pattern: str,
    parse: Callable[[PurePosixPath], Named | Skip | None],
    media: Media = Media.VIDEOS,
) -> Layout:
    """Return the layout of a corpus in which each name can be read by itself."""
    unread = Unread(f"not named as {name} names its files ({pattern})", MOVE)

    def read(paths: Sequence[PurePosixPath]) -> Readings:
        return {path: parse(path) or unread for path in paths}

    return Layout(name, pattern, read, media)
