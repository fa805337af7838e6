"""All layouts, and which of them a set of names has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.core.errors import EmoError, listed
from pipeline.core.labels import canonical
from pipeline.ingest.layouts import cremad, enterface, folders, mead, ravdess, savee
from pipeline.ingest.layouts.layout import Layout, Named, Reading, Readings, Unread

LAYOUTS: dict[str, Layout] = {
    module.LAYOUT.name: module.LAYOUT for module in (ravdess, cremad, mead, savee, enterface, folders)
}
"""By name, the most particular first."""

AUTO = "auto"


@dataclass(frozen=True)
class Recognised:
    """Which layout was taken, why, and what it reads from the names."""

    layout: str
    reason: str
    readings: Readings


def recognise(paths: Sequence[PurePosixPath], name: str = AUTO) -> Recognised:
    """Read all names by the layout `name`; `auto` takes the one that reads the most of them.

    Raises EmoError for an unknown layout, and where not one name fits.
    """
    if name != AUTO and name not in LAYOUTS:
        raise EmoError(f"--layout: {name!r} is not one of {listed((AUTO, *LAYOUTS))}")
    layouts = list(LAYOUTS.values()) if name == AUTO else [LAYOUTS[name]]
    read = [(layout, layout.read(paths)) for layout in layouts]
    layout, readings = max(read, key=lambda pair: _score(*pair))
    if not _score(layout, readings):
        layout, readings = read[-1]
    fit = [path for path in paths if not isinstance(readings[path], Unread)]
    if not fit:
        raise EmoError(_none_fits(readings, layouts))
    named = next((path for path in fit if isinstance(readings[path], Named)), None)
    example = f", such as {named}: {_said(readings[named])}" if named else ""
    return Recognised(layout.name, f"it reads {len(fit)} of {len(paths)} names{example}", readings)


def _score(layout: Layout, readings: Readings) -> int:
    """Return how many names speak for a layout: one's own folders read nearly any, so only known words."""
    read = [reading for reading in readings.values() if not isinstance(reading, Unread)]
    if layout is not folders.LAYOUT:
        return len(read)
    return sum(isinstance(reading, Named) and canonical(reading.word) is not None for reading in read)


def _said(reading: Reading) -> str:
    return f"{reading.word} of {reading.subject}" if isinstance(reading, Named) else ""


def _none_fits(readings: Readings, layouts: Sequence[Layout]) -> str:
    path, reading = next(iter(readings.items()))
    reason = reading.reason if isinstance(reading, Unread) else ""
    also = f" (and so with all {len(readings)} videos)" if len(readings) > 1 else ""
    if len(layouts) == 1 and layouts[0] is not folders.LAYOUT:
        return f"{path}: {reason}{also}; leave out --layout, or give a --manifest"
    return f"{path}: {reason}{also}"
