"""All layouts, and the choice of the one that matches a set of file names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Layout, Media, NameReading, NameReadings, ParsedName, UnreadName
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed
from pipeline.schema.expressions import canonical

_MODULES = (
    "ravdess",
    "cremad",
    "mead",
    "savee",
    "enterface",
    "bids",
    "folders",
    "ckplus",
    "jaffe",
    "kdef",
    "fer2013",
    "imagefolder",
)
"""Modules beside this one. Of layouts that match equally many names, `auto` takes the first."""

LAYOUTS: dict[str, Layout] = {
    name: import_module(f"pipeline.ingest.layouts.{name}").LAYOUT for name in _MODULES
}

AUTO = "auto"


class NoMatchError(EmoError):
    """No file name matches the layout; the message is about the first name, without the name itself."""


@dataclass(frozen=True)
class LayoutChoice:
    """The chosen layout, and its reading of the names."""

    layout: str
    reason: str
    "Why this layout was chosen."
    readings: NameReadings
    note: str = ""
    "The layout's note."


def choose_layout(
    paths: Sequence[PurePosixPath],
    name: str = AUTO,
    media: Media = Media.VIDEOS,
    labels: Mapping[PurePosixPath, str] | None = None,
    declared: tuple[str, ...] = (),
) -> LayoutChoice:
    """Read all names with the layout `name`; `auto` chooses the layout that matches the most names.

    Args:
        paths: File names with the folders above them.
        name: A layout, or `auto`.
        media: `auto` considers only layouts of this kind of file.
        labels: Contents of the text files that hold labels, by path.
        declared: Words for expressions beyond those that emo knows.

    Raises:
        EmoError: There is no such layout.
        NoMatchError: No name matches.
    """
    requested = layout_named(name)
    layouts = [requested] if requested else [one for one in _layouts_of(media) if one.auto]
    read = [(one, _read(one, paths, labels or {}, declared)) for one in layouts]
    layout, readings = max(
        read, key=lambda pair: _score(pair[0], [pair[1][path] for path in paths], declared)
    )
    if not _score(layout, [readings[path] for path in paths], declared):
        layout, readings = read[-1]
    matching = [path for path in paths if not isinstance(readings[path], UnreadName)]
    if not matching:
        raise NoMatchError(_no_match([readings[path] for path in paths], layouts))
    reason = f"it reads {len(matching)} of {len(paths)} names{_example(matching, readings)}"
    return LayoutChoice(layout.name, reason, readings, layout.note)


def layout_named(name: str) -> Layout | None:
    """Return the layout called `name`, None for `auto`; raise EmoError if there is no such layout."""
    if name != AUTO and name not in LAYOUTS:
        raise EmoError(f"--layout: {name!r} is not one of {listed((AUTO, *LAYOUTS), 20)}")
    return LAYOUTS.get(name)


def label_ending(layout: Layout | None, media: Media) -> str:
    """Return the ending of label files for a layout or, for `auto`, for any layout of the media."""
    layouts = [layout] if layout else _layouts_of(media)
    return next((one.labels for one in layouts if one.labels), "")


def _layouts_of(media: Media) -> list[Layout]:
    return [layout for layout in LAYOUTS.values() if layout.media is media]


def _read(
    layout: Layout,
    paths: Sequence[PurePosixPath],
    labels: Mapping[PurePosixPath, str],
    declared: tuple[str, ...],
) -> NameReadings:
    if layout.labels:
        return layout.read(paths, labels)
    return layout.read(paths, declared) if layout.takes_words else layout.read(paths)


def _score(layout: Layout, readings: Sequence[NameReading], declared: tuple[str, ...]) -> int:
    """Return the number of names that count in favour of a layout."""
    read = [reading for reading in readings if not isinstance(reading, UnreadName)]
    if not layout.reads_any_name:
        return len(read)
    words = [reading.word for reading in read if isinstance(reading, ParsedName)]
    return sum(canonical(word, declared) is not None for word in words)


def _example(paths: Sequence[PurePosixPath], readings: NameReadings) -> str:
    for path in paths:
        if isinstance(reading := readings[path], ParsedName):
            subject = f" of {reading.subject}" if reading.subject else ""
            return f", such as {path}: {reading.word}{subject}"
    return ""


def _no_match(readings: Sequence[NameReading], layouts: Sequence[Layout]) -> str:
    first = readings[0]
    reason = first.reason if isinstance(first, UnreadName) else ""
    media = layouts[0].media
    also = ""
    if len(readings) > 1:
        same = "the same for all" if len(set(readings)) == 1 else "the first of"
        also = f" ({same} {len(readings)} {media.value}s)"
    if media is Media.IMAGES and len(layouts) > 1:
        names = listed(layout.name for layout in _layouts_of(media))
        return f"name matches no image corpus{also}; give --layout ({names}) or a --manifest"
    if media is Media.IMAGES:
        folders = "for one folder per expression give --layout imagefolder; " if layouts[0].auto else ""
        return f"{reason}{also}; {folders}a --manifest takes images of any name"
    if len(layouts) == 1 and not layouts[0].reads_any_name:
        return f"{reason}{also}; leave out --layout, or give a --manifest"
    return f"{reason}{also}"
