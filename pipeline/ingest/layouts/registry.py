"""All layouts, and which of them a set of names has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.ingest.layouts import (
    ckplus,
    cremad,
    enterface,
    fer2013,
    folders,
    imagefolder,
    jaffe,
    kdef,
    mead,
    ravdess,
    savee,
)
from pipeline.ingest.layouts.layout import Layout, Media, Named, Reading, Readings, Unread
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed
from pipeline.schema.expressions import canonical

_OF_VIDEOS = (ravdess, cremad, mead, savee, enterface, folders)
_OF_PICTURES = (ckplus, jaffe, kdef, fer2013, imagefolder)

LAYOUTS: dict[str, Layout] = {module.LAYOUT.name: module.LAYOUT for module in (*_OF_VIDEOS, *_OF_PICTURES)}
"""By name, the most particular of their kind first."""

AUTO = "auto"

_ASKED_FOR = (imagefolder.LAYOUT,)
"""Never taken by itself: it reads any picture in a folder, and takes nobody for a person."""


class UnfitError(EmoError):
    """Raised where not one name fits; tells why of the first, without its name."""


@dataclass(frozen=True)
class Recognised:
    """Which layout was taken, why, and what it reads from the names."""

    layout: str
    reason: str
    readings: Readings
    note: str = ""
    "what whoever enrols such a corpus should know"


def recognise(
    paths: Sequence[PurePosixPath],
    name: str = AUTO,
    media: Media = Media.VIDEOS,
    labels: Mapping[PurePosixPath, str] | None = None,
) -> Recognised:
    """Read all names by the layout `name`; `auto` takes the one of the media that reads the most of them.

    `labels` are the contents of text files that tell labels. Raises EmoError for an unknown layout, and
    UnfitError where not one name fits.
    """
    asked = layout_named(name)
    known = [one for one in LAYOUTS.values() if one.media is media and one not in _ASKED_FOR]
    layouts = [asked] if asked else known
    read = [(one, one.read(paths, labels or {}) if one.labels else one.read(paths)) for one in layouts]
    layout, readings = max(read, key=lambda pair: _score(pair[0], [pair[1][path] for path in paths]))
    if not _score(layout, [readings[path] for path in paths]):
        layout, readings = read[-1]
    fit = [path for path in paths if not isinstance(readings[path], Unread)]
    if not fit:
        raise UnfitError(_none_fits([readings[path] for path in paths], layouts))
    named = next((path for path in fit if isinstance(readings[path], Named)), None)
    example = f", such as {named}: {_said(readings[named])}" if named else ""
    return Recognised(
        layout.name, f"it reads {len(fit)} of {len(paths)} names{example}", readings, layout.note
    )


def layout_named(name: str) -> Layout | None:
    """Return the layout of a name, None for `auto`; raise EmoError where there is none."""
    if name != AUTO and name not in LAYOUTS:
        raise EmoError(f"--layout: {name!r} is not one of {listed((AUTO, *LAYOUTS), 20)}")
    return LAYOUTS.get(name)


def label_ending(layout: Layout | None, media: Media) -> str:
    """Return how text files that tell labels end, for a layout or, for `auto`, any of the media."""
    asked = [layout] if layout else [one for one in LAYOUTS.values() if one.media is media]
    return next((one.labels for one in asked if one.labels), "")


def _score(layout: Layout, readings: Sequence[Reading]) -> int:
    """Return how many names speak for a layout: one's own folders read nearly any, so only known words."""
    read = [reading for reading in readings if not isinstance(reading, Unread)]
    if layout is not folders.LAYOUT:
        return len(read)
    return sum(isinstance(reading, Named) and canonical(reading.word) is not None for reading in read)


def _said(reading: Reading) -> str:
    if not isinstance(reading, Named):
        return ""
    return f"{reading.word} of {reading.subject}" if reading.subject else reading.word


def _none_fits(readings: Sequence[Reading], layouts: Sequence[Layout]) -> str:
    reading = readings[0]
    reason = reading.reason if isinstance(reading, Unread) else ""
    also = f" (and so with all {len(readings)} {layouts[0].media.value}s)" if len(readings) > 1 else ""
    if layouts[0].media is Media.PICTURES and len(layouts) > 1:
        corpora = listed(module.LAYOUT.name for module in _OF_PICTURES)
        return f"a picture of no corpus known{also}; give --layout ({corpora}) or a --manifest"
    if len(layouts) == 1 and layouts[0].media is Media.PICTURES:
        other = f"for folders of classes give --layout {imagefolder.LAYOUT.name}; "
        told = "" if layouts[0] in _ASKED_FOR else other
        return f"{reason}{also}; {told}pictures of any name can be named in a --manifest"
    if len(layouts) == 1 and layouts[0] is not folders.LAYOUT:
        return f"{reason}{also}; leave out --layout, or give a --manifest"
    return f"{reason}{also}"
