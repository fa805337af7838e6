"""Events exported by BORIS (Friard and Gamba 2016) as manifests: behaviours are expressions.

Aggregated events have one row for each event, with `Start (s)` and `Stop (s)`. Tabular events have a row for
each start and stop, with `Time`; in older versions, lines about the observation are above the header.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.ingest.manifests.media import RecordingFinder
from pipeline.ingest.manifests.row import IsExpression, Manifest, ManifestOptions, ManifestRow
from pipeline.ingest.manifests.times import MISSING, folded, seconds
from pipeline.ingest.user_tables import UserTable, parse_user_table
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed

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


@dataclass(frozen=True)
class _Row:
    """A row of an export."""

    where: str
    "File and line; starts messages."
    cells: dict[str, str]
    "Column in lower case -> text."

    @property
    def behaviour(self) -> str:
        return self.cells["behavior"]

    @property
    def state(self) -> str:
        """START, STOP or POINT; in aggregated events STATE or POINT."""
        return next((self.cells[name].upper() for name in _STATE_COLUMNS if name in self.cells), "")

    @property
    def is_point(self) -> bool:
        return self.state.startswith("POINT")

    @property
    def key(self) -> tuple[str, ...]:
        """What the start and the stop of an event have in common."""
        names = ("observation id", *_MEDIA_COLUMNS, "subject", "behavior")
        return tuple(self.cells.get(name, "") for name in names)

    def event(self, start: str, end: str) -> _Event:
        """Return the event that starts in this row."""
        texts = (self.cells.get(name, "") for name in _MEDIA_COLUMNS)
        media = next((text for text in texts if text.lower() not in MISSING), "")
        return _Event(self.where, media, self.cells.get("subject", ""), self.behaviour, start, end)


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


def read_boris(table: UserTable, options: ManifestOptions, is_expression: IsExpression) -> Manifest:
    """Read the state events of an export; errors of single rows are collected.

    Raises EmoError if the times are not those of the recording.
    """
    manifest = Manifest(f"{table.path}: events of BORIS", table.path.parent)
    rows = [
        _Row(table.where(row), {column.lower(): text for column, text in row.cells.items()})
        for row in table.rows
    ]
    for row in rows:
        if not _is_zero(offset := row.cells.get("time offset (s)", "")):
            raise EmoError(_offset_error(row.where, offset))
    states = [row for row in rows if not row.is_point]
    points = [row for row in rows if row.is_point]
    manifest.errors += [_point_error(row) for row in points if is_expression(row.behaviour)]
    manifest.notes += _notes(table, [row for row in points if not is_expression(row.behaviour)])
    read = _aggregated if any("start (s)" in row.cells for row in rows) else _paired
    finder = RecordingFinder()
    for event in read(states, manifest.errors):
        manifest.add(event.where, partial(_clip, event, table, options, finder))
    return manifest


def _notes(table: UserTable, points: Sequence[_Row]) -> list[str]:
    """Return notes on point events of other behaviours, and on modifiers: neither is read."""
    notes = []
    if points:
        names = listed(sorted({row.behaviour for row in points}))
        notes.append(f"{table.path}: {len(points)} point events of other behaviours are not read: {names}")
    modifiers = [column for column in table.columns if column.lower().startswith("modifier")]
    filled = [column for column in modifiers if any(row.cells[column] for row in table.rows)]
    return [*notes, *([f"{table.path}: columns not read: {listed(filled)}"] if filled else [])]


def _aggregated(rows: Sequence[_Row], errors: list[str]) -> Iterator[_Event]:
    """Yield the events of rows that hold a whole event."""
    for row in rows:
        if row.cells["stop (s)"].lower() in MISSING:
            errors.append(_point_error(row))
        else:
            yield row.event(row.cells["start (s)"], row.cells["stop (s)"])


def _paired(rows: Sequence[_Row], errors: list[str]) -> Iterator[_Event]:
    """Yield the events of rows that are the start or the stop of one."""
    started: dict[tuple[str, ...], _Row] = {}
    for row in rows:
        if row.state == "START" and row.key not in started:
            started[row.key] = row
        elif row.state == "STOP" and row.key in started:
            first = started.pop(row.key)
            yield first.event(first.cells["time"], row.cells["time"])
        else:
            state = row.state or "no status"
            errors.append(f"{row.where}: {state} of {row.behaviour!r} has no counterpart; fix it in BORIS")
    errors += [
        f"{row.where}: START of {row.behaviour!r} has no STOP; fix it in BORIS" for row in started.values()
    ]


def _clip(event: _Event, table: UserTable, options: ManifestOptions, finder: RecordingFinder) -> ManifestRow:
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


def _point_error(row: _Row) -> str:
    return (
        f"{row.where}: {row.behaviour!r} is a point event, which has no end; code expressions as state "
        "events, or leave the behaviour out of the export"
    )
