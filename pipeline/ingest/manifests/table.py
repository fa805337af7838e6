"""A table that lists clips: video, subject, expression, and times in seconds, milliseconds or frames."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pipeline.ingest.manifests.media import RecordingFinder
from pipeline.ingest.manifests.row import Manifest, ManifestRow
from pipeline.ingest.manifests.times import (
    MISSING,
    TIME_COLUMNS,
    UNDERSTOOD,
    UNITS,
    folded,
    frame_index,
    looks_like_time,
    milliseconds,
    seconds,
)
from pipeline.ingest.participants_table import check_no_consent
from pipeline.ingest.user_tables import TableRow, UserTable
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import counted, listed
from pipeline.video.frame_times import constant_frame_times

_REQUIRED = ("video", "subject", "expression")
_OPTIONAL = ("session", "take", "sex")
_TEXTS = (*_REQUIRED, *_OPTIONAL)
"""Columns that are read as they are."""

_SIMILAR = ((0.7, _REQUIRED), (0.85, (*_OPTIONAL, *TIME_COLUMNS)))
"""Names, with the similarity from which another name is a misspelling. `education` is not `duration`."""

_USUAL_TIMES = frozenset(("start_s", "end_s", "apex_s"))
"""Columns whose meaning needs no note."""

_FRAMES_NOTE = "frame 0 is the first of a recording, and end_frame is the last frame of its clip"


def read_clip_table(table: UserTable) -> Manifest:
    """Read a table of clips; errors of single rows are collected.

    Raises EmoError for columns that are missing, misspelt, or look like times but are not understood.
    """
    columns = _Columns.of(table)
    folder = table.path.parent
    manifest = Manifest(
        f"{table.path} lists {counted(len(table.rows), 'clip')}", folder, notes=columns.notes(table)
    )
    reader = _RowReader(table, columns)
    for row in table.rows:
        manifest.add(table.where(row), partial(reader.read, row))
    return manifest


@dataclass(frozen=True)
class _Columns:
    """What the columns of a table mean."""

    texts: Mapping[str, str]
    "`video`, `subject` ... -> column as written."
    times: Mapping[str, str]
    "`start`, `end`, `duration`, `apex` -> column as written."
    unit: str
    "Unit of all times: `s`, `ms` or `frame`."
    others: tuple[str, ...]
    "Columns that are not read, as written."

    @classmethod
    def of(cls, table: UserTable) -> "_Columns":
        """Sort the columns; raise EmoError for what is not understood."""
        names: dict[str, str] = {}
        for column in table.columns:
            other = names.setdefault(folded(column), column)
            if other != column:
                raise EmoError(f"{table.where()}: columns {other!r} and {column!r} are one name; remove one")
        others = tuple(c for name, c in names.items() if name not in (*_TEXTS, *TIME_COLUMNS))
        _refuse_unclear(table, others)
        for name in _REQUIRED:
            if name not in names:
                raise EmoError(
                    f"{table.where()}: missing column {name!r}; its columns, separated by commas: "
                    f"{', '.join(table.columns)}"
                )
        unit = _unit(table, names)
        times = {TIME_COLUMNS[name][0]: column for name, column in names.items() if name in TIME_COLUMNS}
        if "duration" in times and "start" not in times:
            raise EmoError(f"{table.where()}: column 'duration' without 'onset'; add the start of each clip")
        return cls({name: names[name] for name in _TEXTS if name in names}, times, unit, others)

    def notes(self, table: UserTable) -> list[str]:
        """Return what the plan says about the columns."""
        notes = [f"{table.path}: columns not read: {listed(self.others)}"] if self.others else []
        if {folded(column) for column in self.times.values()} - _USUAL_TIMES:
            frames = f"; {_FRAMES_NOTE}" if self.unit == "frame" else ""
            columns = ", ".join(self.times.values())
            notes.append(f"{table.path}: times are read from {columns} ({UNITS[self.unit]}{frames})")
        return notes


def _refuse_unclear(table: UserTable, others: tuple[str, ...]) -> None:
    """Raise EmoError for a column that looks like consent, like a time, or like a misspelt name."""
    check_no_consent(table.path, others)
    for column in others:
        if looks_like_time(column):
            raise EmoError(
                f"{table.where()}: column {column!r} looks like a time, but what it means is not clear; "
                f"rename or remove it; times are read from {UNDERSTOOD}"
            )
        for cutoff, names in _SIMILAR:
            if close := difflib.get_close_matches(folded(column), names, n=1, cutoff=cutoff):
                raise EmoError(f"{table.where()}: unknown column {column!r}; is it {close[0]!r}?")


def _unit(table: UserTable, names: Mapping[str, str]) -> str:
    """Return the unit of all times; raise EmoError if there are several, or a time has two columns."""
    found = {name: TIME_COLUMNS[name] for name in names if name in TIME_COLUMNS}
    units = sorted({unit for _, unit in found.values()})
    moments = [moment for moment, _ in found.values()]
    is_twice = len(set(moments)) < len(moments) or {"end", "duration"} <= set(moments)
    if len(units) > 1 or is_twice:
        raise EmoError(
            f"{table.where()}: columns {', '.join(names[name] for name in found)} state times twice or in "
            "several units; keep one start, one end or duration, and one apex, all in one unit"
        )
    return units[0] if units else "s"


@dataclass
class _RowReader:
    """Reads rows; the frame times of a recording are read once."""

    table: UserTable
    columns: _Columns
    _finder: RecordingFinder = field(default_factory=RecordingFinder)
    _frame_times: dict[Path, list[float]] = field(default_factory=dict)

    def read(self, row: TableRow) -> ManifestRow:
        """Return a row as a clip; raise EmoError or ValueError if it is not one."""
        where = self.table.where(row)
        texts = {name: row.cells[column] for name, column in self.columns.texts.items()}
        if not texts["video"]:
            raise ValueError("video: empty; every row needs video, subject and expression")
        values = {
            moment: (column, text)
            for moment, column in self.columns.times.items()
            if (text := row.cells[column]).lower() not in MISSING
        }
        if "duration" in self.columns.times and len({"start", "duration"} & values.keys()) == 1:
            raise ValueError("onset and duration: one of them is empty; fill in both or neither")
        video = self._finder.find(self.table.path.parent, texts.pop("video"), where)
        times = dict(self._times_s(video, values))
        return ManifestRow(
            where=where,
            video=video,
            start_s=times.get("start"),
            end_s=times.get("end"),
            apex_s=times.get("apex"),
            **texts,
        )

    def _times_s(self, video: Path, values: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, float]]:
        """Yield `start`, `end` and `apex` of a clip, as far as they are given, in seconds."""
        read = {moment: self._value(*value) for moment, value in values.items()}
        if self.columns.unit == "frame":
            yield from self._frames_s(video, values, read)
            return
        if "duration" in read:
            yield "end", round(read["start"] + read.pop("duration"), 6)
        yield from read.items()

    def _value(self, column: str, text: str) -> float:
        has_comma = self.table.delimiter != ","
        try:
            if self.columns.unit == "frame":
                return frame_index(text)
            if self.columns.unit == "ms":
                return milliseconds(text, decimal_comma=has_comma)
            return seconds(text, decimal_comma=has_comma)
        except ValueError as error:
            raise ValueError(f"{column}: {error}") from None

    def _frames_s(
        self, video: Path, values: Mapping[str, tuple[str, str]], read: Mapping[str, float]
    ) -> Iterator[tuple[str, float]]:
        """Yield the times of frames: the end of a clip is the end of its last frame."""
        if not read:
            return
        if video not in self._frame_times:
            self._frame_times[video] = constant_frame_times(video)
        times = self._frame_times[video]
        for moment, index in read.items():
            if index > len(times) - 2:
                column, text = values[moment]
                raise ValueError(
                    f"{column}: {text} is not a frame of {video}, which has {len(times) - 1} frames, from 0"
                )
            yield moment, round(times[int(index) + (moment == "end")], 6)
