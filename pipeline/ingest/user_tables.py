"""Tables that users write, as spreadsheets leave them: CSV with commas or semicolons, or TSV."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.runtime.csv_files import build_record, check_header, check_text
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.regular_files import read_regular

T = TypeVar("T")

_DELIMITERS = ",;\t"

_SPREADSHEETS = (".xls", ".xlsx", ".xlsm", ".xlsb", ".ods", ".numbers")

_SAVE_AS = (
    "save it as CSV UTF-8 (Excel: File > Save As > CSV UTF-8; LibreOffice: File > Save As > Text CSV, "
    "Unicode (UTF-8))"
)


@dataclass(frozen=True)
class TableRow:
    """One row of a table."""

    line: int
    "Line of the file, from 1, on which the row ends."
    cells: dict[str, str]
    "Column, as written but without blanks around it -> text without blanks around it."


@dataclass(frozen=True)
class UserTable:
    """A table without its blank rows, blank columns, comments and Excel's line `sep=`."""

    path: Path
    header_line: int
    "Line of the file, from 1, that holds the names of the columns."
    columns: tuple[str, ...]
    "As written, without blanks around them."
    rows: tuple[TableRow, ...]
    delimiter: str
    "Comma, semicolon or tab."

    def where(self, row: TableRow | None = None) -> str:
        """Return file and line of a row, or of the header; starts messages."""
        return f"{self.path}: line {row.line if row else self.header_line}"


def read_table(path: Path, record: type[T]) -> list[tuple[int, T]]:
    """Read a table with commas, semicolons or tabs as (line number, record) pairs.

    Raises EmoError with file, line, column and value if the file cannot be read as such a table.
    """
    table = read_user_table(path)
    check_header(table.columns, record, str(path))
    return [(row.line, build_record(record, row.cells, table.where(row))) for row in table.rows]


def read_user_table(path: Path) -> UserTable:
    """Read a table with commas, semicolons or tabs, whose encoding is UTF-8, or UTF-16 with byte order mark.

    Passed over are blank rows, columns without a name and values, a first line `sep=;`, comments (`# ...`)
    before the header, and quotes around whole rows.

    Raises EmoError with file and line if the file cannot be read as such a table.
    """
    return parse_user_table(read_user_text(path), path)


def read_user_text(path: Path) -> str:
    """Read the text of a table with `\\n` as line end; raise EmoError if its encoding would be a guess."""
    if path.suffix.lower() in _SPREADSHEETS:
        raise EmoError(f"{path}: a spreadsheet, not a text table; {_SAVE_AS}")
    try:
        data = read_regular(path)
        is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise EmoError(f"{path}: not UTF-8 text; {_SAVE_AS}") from None
    except OSError as error:
        raise EmoError(f"{path}: cannot be read: {reason(error)}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_user_table(text: str, path: Path) -> UserTable:
    """Parse the text of a table as `read_user_table` does; `path` is for messages only."""
    check_text(text, str(path))
    lines = text.split("\n")
    above, separator = _lines_above(lines)
    header = lines[above] if above < len(lines) else ""
    delimiter = separator or max(_DELIMITERS, key=header.count)
    numbered = _parsed("\n".join(lines[above:]), delimiter, path, above)
    rows = [(line, cells) for line, cells in numbered if any(cells)]
    if not rows:
        raise EmoError(f"{path}: the file is empty; write a header and one row for each entry")
    rows, delimiter = _unquoted(rows, delimiter, path)
    return _table(path, rows, delimiter)


def _lines_above(lines: Sequence[str]) -> tuple[int, str]:
    """Return the number of lines above the header, and the delimiter that Excel's `sep=` names, if any."""
    separator = ""
    for number, line in enumerate(lines):
        plain = line.strip().strip('"')
        if plain.lower().startswith("sep=") and len(plain) == 5:
            separator = plain[-1]
        elif plain.lower() == "sep=" and "\t" in line:  # a tab, stripped
            separator = "\t"
        elif plain.strip(_DELIMITERS + " ") and not plain.startswith("#"):
            return number, separator
    return len(lines), separator


def _parsed(text: str, delimiter: str, path: Path, above: int) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells, without blanks around them; `above` lines were cut off the text."""
    reader = csv.reader(io.StringIO(text), strict=True, delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            yield above + reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise EmoError(f"{path}: line {above + reader.line_num}: not valid CSV: {error}") from None


def _unquoted(
    rows: list[tuple[int, list[str]]], delimiter: str, path: Path
) -> tuple[list[tuple[int, list[str]]], str]:
    """Parse rows that are quoted as a whole again, as one cell each."""
    header = [cell for cell in rows[0][1] if cell]
    if len(header) > 1 or not any(mark in header[0] for mark in _DELIMITERS):
        return rows, delimiter
    delimiter = max(_DELIMITERS, key=header[0].count)
    inner = []
    for line, cells in rows:
        texts = [cell for cell in cells if cell]
        parsed = list(_parsed(texts[0], delimiter, path, line - 1)) if len(texts) == 1 else [(line, cells)]
        if len(parsed) > 1:
            raise EmoError(f"{path}: line {line}: a line break within a quoted row; write it as one line")
        inner.append((line, parsed[0][1]))
    return inner, delimiter


def _table(path: Path, rows: Sequence[tuple[int, list[str]]], delimiter: str) -> UserTable:
    header_line, header = rows[0]
    named = [column for column in header if column]
    if twice := [column for column, count in Counter(named).items() if count > 1]:
        raise EmoError(
            f"{path}: line {header_line}: two columns are named {twice[0]!r}: {', '.join(named)}; rename or "
            "remove one"
        )
    entries = tuple(TableRow(line, _cells(header, cells, f"{path}: line {line}")) for line, cells in rows[1:])
    return UserTable(path, header_line, tuple(named), entries, delimiter)


def _cells(header: Sequence[str], cells: Sequence[str], where: str) -> dict[str, str]:
    """Return column -> text of a row; columns without a name must be blank, and may be missing at the end."""
    width = max((number for number, name in enumerate(header, 1) if name), default=0)
    if len(cells) < width or any(cells[len(header) :]):
        raise EmoError(f"{where}: more or fewer values than columns")
    for number, cell in enumerate(cells):
        if cell and not header[number]:
            raise EmoError(
                f"{where}: {cell!r} is in column {number + 1}, which has no name; name the column or empty it"
            )
    return {name: cell for name, cell in zip(header, cells, strict=False) if name}
