"""ELAN's tab-delimited export (File > Export As > Tab-delimited Text) with one column for each tier.

The header is `Begin Time - ss.msec`, `End Time - ss.msec`, `Duration - ss.msec`, then the names of the tiers.
A line above it may name the media: `"#file:///C:/study/s1.mp4 -- offset: 0"`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pipeline.ingest.manifests.eaf import Annotation, Tier
from pipeline.ingest.manifests.elan import choose_tier
from pipeline.ingest.manifests.media import RecordingFinder
from pipeline.ingest.manifests.row import IsExpression, Manifest, ManifestOptions, ManifestRow
from pipeline.ingest.manifests.times import folded, seconds
from pipeline.ingest.sources import VIDEO_SUFFIXES
from pipeline.ingest.user_tables import TableRow, UserTable
from pipeline.runtime.errors import EmoError

_TIME = re.compile(r"(begin|end|duration)(?: time)? - (.+)", re.IGNORECASE)
_FORMATS = ("ss.msec", "msec", "hh:mm:ss.ms")
"""Formats of ELAN's times that are read, the preferred one first."""

_MEDIA = re.compile(r'"?#(file:[^"]*?)(?: -- offset: (-?\d+))?"?')
_ADDED = ("video", "subject", "participant")
"""Columns that users add to an export, or that ELAN writes for the participant of a tier."""

_GIVE_THE_EAF = "give the .eaf file itself instead of its export"


def is_elan_export(table: UserTable) -> bool:
    """Return whether the header is that of ELAN's export."""
    return any(_TIME.fullmatch(column) for column in table.columns)


def refuse_without_header(text: str, path: Path) -> None:
    """Raise EmoError for an export in which tiers are rows: it has no header, so that columns are a guess."""
    line = next((line for line in text.split("\n") if line.strip() and not line.startswith(("#", '"#'))), "")
    if "\t" in line and re.search(r"\t\d\d:\d\d:\d\d\.\d{3}(\t|$)", line):
        raise EmoError(f"{path}: looks like an export of ELAN without a header; {_GIVE_THE_EAF}")


def read_elan_export(
    table: UserTable, text: str, options: ManifestOptions, is_expression: IsExpression
) -> Manifest:
    """Read an export; errors of single rows are collected.

    Raises EmoError if it does not state the video, the times or the subject in a form that is understood.
    """
    reader = _RowReader.of(table, text, options, is_expression)
    manifest = Manifest(f"{table.path}: an export of ELAN", table.path.parent)
    manifest.notes.append(f"{table.path}: expressions are read from the tier {reader.tier!r}")
    for row in table.rows:
        if row.cells[reader.tier]:
            manifest.add(table.where(row), partial(reader.read, row))
    return manifest


@dataclass(frozen=True)
class _RowReader:
    """Reads the rows of an export."""

    table: UserTable
    begin: str
    "Column of the start."
    end: str
    tier: str
    "Column of the expressions."
    columns: Mapping[str, str]
    "Columns that users added, such as `video` and `subject`: name -> column as written."
    video: str
    "Path that the line above the table states; may be empty."
    offset_s: float
    "Time of the recording at which the time of the annotations is 0, seconds."
    subject: str
    "Code for rows that state none."
    finder: RecordingFinder = field(default_factory=RecordingFinder)

    @classmethod
    def of(
        cls, table: UserTable, text: str, options: ManifestOptions, is_expression: IsExpression
    ) -> "_RowReader":
        """Return the reader of a table; raise EmoError if its columns are not understood."""
        begin, end = (_time_column(table, moment) for moment in ("begin", "end"))
        added = {folded(column): column for column in table.columns if folded(column) in _ADDED}
        names = [c for c in table.columns if not _TIME.fullmatch(c) and c not in added.values()]
        tiers = [Tier(name, "", _annotations(table, name)) for name in names]
        tier = choose_tier(table.path, tiers, options.tier, is_expression).name
        return cls(table, begin, end, tier, added, *_media(text), options.subject)

    def read(self, row: TableRow) -> ManifestRow:
        """Return a row as a clip; raise EmoError or ValueError if it is not one."""
        cells = {name: row.cells[column] for name, column in self.columns.items()}
        where = self.table.where(row)
        name = cells.get("video", "") or self.video
        if not name:
            raise ValueError(f"the export does not name its video; {_GIVE_THE_EAF}")
        video = self.finder.find_first(self.table.path.parent, [name], where)
        subject = cells.get("subject", "") or cells.get("participant", "") or self.subject
        start_s, end_s = (
            round(_seconds(row, column) + self.offset_s, 6) for column in (self.begin, self.end)
        )
        return ManifestRow(where, video, subject, row.cells[self.tier], start_s=start_s, end_s=end_s)


def _time_column(table: UserTable, moment: str) -> str:
    """Return the column of a time in the best format; raise EmoError if there is none."""
    found = {
        match[2].lower(): c
        for c in table.columns
        if (match := _TIME.fullmatch(c)) and match[1].lower() == moment
    }
    for form in _FORMATS:
        if form in found:
            return found[form]
    raise EmoError(
        f"{table.where()}: no column with the {moment} time as {', '.join(_FORMATS)}; export it again with "
        "one of them"
    )


def _annotations(table: UserTable, column: str) -> tuple[Annotation, ...]:
    return tuple(Annotation(row.cells[column], None, None) for row in table.rows if row.cells[column])


def _seconds(row: TableRow, column: str) -> float:
    text = row.cells[column]
    value = seconds(text, decimal_comma=True)
    return value / 1000 if column.lower().endswith("- msec") else value


def _media(text: str) -> tuple[str, float]:
    """Return the path and the offset in seconds of the video that a line above the table names."""
    for line in text.split("\n")[:20]:
        found = _MEDIA.fullmatch(line.strip())
        if found and Path(found[1]).suffix.lower() in VIDEO_SUFFIXES:
            return re.sub("^file:/*", "/", found[1]), int(found[2] or 0) / 1000
    return "", 0.0
