"""Events exported by BORIS (Friard and Gamba 2016) as manifests: behaviours are expressions.

Aggregated events have one row for each event, with `Start (s)` and `Stop (s)`. Tabular events have a row for
each start and stop, with `Time`; in older versions, lines about the observation are above the header.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.manifests.media import RecordingFinder
from pipeline.ingest.manifests.row import Manifest, ManifestOptions, ManifestRow
from pipeline.ingest.manifests.times import MISSING, folded, seconds
from pipeline.ingest.user_tables import TableRow, UserTable, parse_user_table
from pipeline.runtime.errors import EmoError

_MEDIA_COLUMNS = ("media file path", "media file", "source", "media file name")
"""Columns that name the recording, the most complete one first."""

_STATE_COLUMNS = ("status", "behavior type")
_NOBODY = ("no focal subject", *MISSING)
_PLAYER = re.compile(r"player #\d+: ?", re.IGNORECASE)
_PREAMBLE = re.compile(r"\"?observation id\"?[,;\t]", re.IGNORECASE)
_HEADER = re.compile(r"\"?time\"?[,;\t]\"?media file", re.IGNORECASE)
_OFFSET = re.compile(r"\"?time offset[^,;\t]*[,;\t]\"?([^,;\t\"]*)", re.IGNORECASE)


@dataclass(frozen=True)
class _Event:
    """A state event."""

    where: str
    media: str
    subject: str
    behaviour: str
    start: str
    end: str


def boris_table(text: str, path: Path) -> UserTable | None:
    """Return the table of events in an export of BORIS; None if the text is none.

    Raises EmoError if an older export states a time offset, or has no header.
    """
    lines = text.split("\n")
    header = next((number for number, line in enumerate(lines) if _HEADER.match(line)), None)
    is_old = bool(_PREAMBLE.match(text)) and header is not None and header > 0
    if is_old:
        for line in lines[:header]:
            if (found := _OFFSET.match(line)) and not _is_zero(found[1]):
                raise EmoError(_offset_error(str(path), found[1]))
        # Blank lines keep the line numbers.
        text = "\n".join(["" if number < (header or 0) else line for number, line in enumerate(lines)])
    table = parse_user_table(text, path)
    names = {column.lower() for column in table.columns}
    is_events = "behavior" in names and ({"start (s)", "stop (s)"} <= names or "time" in names)
    return table if is_events and names & set(_MEDIA_COLUMNS) else None


def read_boris(table: UserTable, options: ManifestOptions) -> Manifest:
    """Read the state events of an export; errors of single rows are collected."""
    manifest = Manifest(f"{table.path}: events of BORIS", table.path.parent)
    finder = RecordingFinder()
    columns = {column.lower(): column for column in table.columns}
    rows = [(row, {name: row.cells[column] for name, column in columns.items()}) for row in table.rows]
    read = _aggregated if "start (s)" in columns else _paired
    for event in read(table, rows, manifest.errors):
        try:
            manifest.rows.append(_row(event, table, options, finder))
        except EmoError as error:
            manifest.errors.append(str(error))
        except ValueError as error:
            manifest.errors.append(f"{event.where}: {error}")
    return manifest


_Rows = list[tuple[TableRow, dict[str, str]]]
"""Rows with their cells by the column in lower case."""


def _aggregated(table: UserTable, rows: _Rows, errors: list[str]) -> Iterator[_Event]:
    """Yield the events of rows that hold a whole event."""
    for row, cells in rows:
        where = table.where(row)
        if error := _row_error(where, cells):
            errors.append(error)
        elif cells.get("behavior type", "STATE").upper() == "POINT" or cells["stop (s)"].lower() in MISSING:
            errors.append(_point_error(where, cells["behavior"]))
        else:
            yield _event(where, cells, cells["start (s)"], cells["stop (s)"])


def _paired(table: UserTable, rows: _Rows, errors: list[str]) -> Iterator[_Event]:
    """Yield the events of rows that are the start or the stop of one."""
    started: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {}
    for row, cells in rows:
        where = table.where(row)
        state = next((cells[name].upper() for name in _STATE_COLUMNS if name in cells), "")
        key = tuple(
            cells.get(name, "") for name in ("observation id", *_MEDIA_COLUMNS, "subject", "behavior")
        )
        if error := _row_error(where, cells):
            errors.append(error)
        elif state == "POINT":
            errors.append(_point_error(where, cells["behavior"]))
        elif state == "START" and key not in started:
            started[key] = (where, cells)
        elif state == "STOP" and key in started:
            begun, first = started.pop(key)
            yield _event(begun, first, first["time"], cells["time"])
        else:
            errors.append(
                f"{where}: {state or 'no status'} of {cells['behavior']!r} has no counterpart; fix it there"
            )
    errors += [
        f"{where}: START of {cells['behavior']!r} has no STOP; fix the events in BORIS"
        for where, cells in started.values()
    ]


def _event(where: str, cells: Mapping[str, str], start: str, end: str) -> _Event:
    media = next((cells[n] for n in _MEDIA_COLUMNS if cells.get(n, "").lower() not in MISSING), "")
    return _Event(where, media, cells.get("subject", ""), cells["behavior"], start, end)


def _row_error(where: str, cells: Mapping[str, str]) -> str:
    """Return why a row cannot be read; empty if it can."""
    offset = cells.get("time offset (s)", "")
    return "" if _is_zero(offset) else _offset_error(where, offset)


def _row(event: _Event, table: UserTable, options: ManifestOptions, finder: RecordingFinder) -> ManifestRow:
    media = _PLAYER.sub("", event.media)
    if ";" in media or "|" in media:
        raise ValueError(
            f"the observation has several recordings ({event.media}), so that its times are not those of "
            "one; make one observation for each recording"
        )
    subject = "" if folded(event.subject).replace("_", " ") in _NOBODY else event.subject
    if subject and options.subject and subject != options.subject:
        raise ValueError(f"subject {subject!r} is not --subject {options.subject}; correct one of them")
    if not (subject or options.subject):
        raise ValueError("no focal subject; set it in BORIS, or give --subject CODE")
    if not media:
        raise ValueError("no media file; export the events of an observation with a recording")
    has_comma = table.delimiter != ","
    start_s, end_s = (seconds(text, decimal_comma=has_comma) for text in (event.start, event.end))
    video = finder.find_first(table.path.parent, [media], event.where)
    return ManifestRow(
        event.where, video, subject or options.subject, event.behaviour, start_s=start_s, end_s=end_s
    )


def _is_zero(text: str) -> bool:
    return text.strip().lower() in MISSING or not text.strip(" 0.:,")


def _offset_error(where: str, offset: str) -> str:
    return (
        f"{where}: a time offset of {offset} s, so that times are not those of the recording; set it to 0 in "
        "BORIS and export again"
    )


def _point_error(where: str, behaviour: str) -> str:
    return (
        f"{where}: {behaviour!r} is a point event, which has no end; code expressions as state events, or "
        "leave the behaviour out of the export"
    )
