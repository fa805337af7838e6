"""Text tables (CSV): read with clear errors, written atomically.

UTF-8, `\\n`, sorted by key, so that `git diff` shows what changed. A text that a spreadsheet would run as a
formula is written with an apostrophe before it, and read without it.
"""

import csv
import dataclasses
import io
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pipeline.runtime.errors import EmoError, NotBuiltError, reason
from pipeline.runtime.files import write_text
from pipeline.runtime.regular_files import read_regular
from pipeline.runtime.text import shown

T = TypeVar("T")


_NUMBER = re.compile(r"[-+0-9.eE]+|[-+]?inf|nan")
"""Python also parses 1_000 and digits of other scripts as numbers; other readers of CSV do not."""

_CONFLICT = re.compile("^<<<<<<< ", re.MULTILINE)
"""First line of a merge conflict, as Git writes it."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""Start of a text that spreadsheets run as a formula (OWASP, CSV injection), or of such a text in quotes."""

_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")

EXTRA = "extra"
"""Name of the field of a record that keeps columns unknown to emo, `dict[str, str]`."""


def read_csv(path: Path, record: type[T], key: str | None = None, made_by: str = "") -> list[T]:
    """Read a CSV file as records of the dataclass `record`.

    Args:
        path: The file.
        record: The dataclass; its fields are the columns.
        key: A column whose values are unique.
        made_by: The stage that writes the file, if one does.

    Raises:
        NotBuiltError: The output of a stage is missing.
        EmoError: The file is missing, or a value is not valid; with file, line, column and value.
    """
    if made_by and not path.exists():
        raise NotBuiltError(f"{path}: no such file; run `dvc repro {made_by}`")
    return parse_csv(read_table_text(path), record, key=key, where=str(path))


def read_table_text(path: Path) -> str:
    """Read the text of a table in UTF-8, with or without byte order mark; raise EmoError if unreadable."""
    try:
        return read_regular(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise EmoError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from None
    except OSError as error:
        raise EmoError(f"{path}: cannot be read: {reason(error)}") from None


def parse_csv(text: str, record: type[T], *, key: str | None, where: str) -> list[T]:
    """Parse CSV text as `read_csv` does; `where` starts each message."""
    records = [item for _, item in parse_rows(text, record, where=where)]
    if key:
        _check_unique([str(getattr(item, key)) for item in records], key, where)
    return records


def parse_rows(text: str, record: type[T], *, where: str) -> list[tuple[int, T]]:
    """Parse the text of a table as (line number, record) pairs; `where` starts each message."""
    check_text(text, where)
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        reader.fieldnames = [unquoted(name) for name in reader.fieldnames or ()]
        check_header(reader.fieldnames, record, where)
        return [
            (reader.line_num, build_record(record, row, f"{where}: line {reader.line_num}")) for row in reader
        ]
    except csv.Error as error:
        raise EmoError(f"{where}: line {reader.line_num}: not valid CSV: {error}") from None


def check_text(text: str, where: str) -> None:
    """Raise EmoError for the text of a table that is damaged or holds a merge conflict."""
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise EmoError(f"{where}: line {line}: a NUL character; the file is damaged or not text")
    if conflict := _CONFLICT.search(text):
        line = text[: conflict.start()].count("\n") + 1
        raise EmoError(f"{where}: line {line}: a merge conflict; resolve it and `git add` the file")


def quoted(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs: a formula gets an apostrophe."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unquoted(cell: str) -> str:
    """Return the text of a cell that `quoted` wrote; other cells are returned as they are."""
    return cell[1:] if _QUOTED_FORMULA.match(cell) else cell


def write_csv(path: Path, records: Iterable[Any], record: type) -> None:
    """Write records as CSV, sorted by all their columns in order; leave an identical file untouched."""
    write_text(path, format_csv(records, record))


def format_csv(records: Iterable[Any], record: type, *, keep_order: bool = False) -> str:
    """Return the CSV text of records of the dataclass `record`, sorted by all columns in order.

    `keep_order` keeps the order of the records instead: ledgers are in the order of entry.
    """
    names = [field.name for field in dataclasses.fields(record) if field.name != EXTRA]
    rows = [_row(item, names) for item in records]
    extra = sorted({column for row in rows for column in row if column not in names})
    cells = [[row.get(name, "") for name in (*names, *extra)] for row in rows]
    lines = cells if keep_order else sorted(cells)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, *map(quoted, extra)])
    writer.writerows(lines)
    return out.getvalue()


def check_header(columns: Sequence[str], record: type, where: str) -> None:
    """Raise EmoError if columns are missing, unknown or named twice."""
    fields = {field.name: field for field in dataclasses.fields(record)}
    keeps_others = fields.pop(EXTRA, None) is not None
    for name, field in fields.items():
        if name not in columns and field.default is dataclasses.MISSING:
            raise EmoError(
                f"{where}: line 1: missing column {name!r}; its columns, separated by commas: "
                f"{', '.join(columns) or 'none'}"
            )
    unknown = [column for column in columns if column not in fields]
    if unknown and not keeps_others:
        raise EmoError(f"{where}: line 1: unknown column {unknown[0]!r}")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if list(columns).count(name) > 1)
        raise EmoError(f"{where}: line 1: two columns are named {twice!r}: {', '.join(columns)}")


def build_record(record: type[T], row: Mapping[Any, Any], where: str) -> T:
    """Build a record from column -> text; `where` starts the message of the EmoError for an invalid value."""
    if None in row or None in row.values():
        raise EmoError(f"{where}: more or fewer values than columns")
    hints = dict(_hints(typing.cast(Any, record)))
    keeps_others = hints.pop(EXTRA, None) is not None
    values = {
        name: _parse(hints[name], unquoted(row[name].strip()), f"{where}: {name}")
        for name in hints
        if name in row
    }
    if keeps_others:
        values[EXTRA] = {str(name): unquoted(text) for name, text in row.items() if name not in hints}
    try:
        return record(**values)
    except ValueError as error:
        raise EmoError(f"{where}: {error}") from None


@cache
def _hints(record: Any) -> dict[str, Any]:
    return typing.get_type_hints(record)


def _parse(hint: Any, text: str, where: str) -> Any:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        if not text:
            return None
        hint = next(a for a in arguments if a is not type(None))
    if hint is str:
        return text
    if hint is bool:
        if text not in ("true", "false"):
            raise EmoError(f"{where}: {shown(text)} is not true or false")
        return text == "true"
    try:
        if not _NUMBER.fullmatch(text):
            raise ValueError
        return hint(text)
    except ValueError:
        kind = "a whole number" if hint is int else "a number"
        raise EmoError(f"{where}: {shown(text)} is not {kind}") from None


def _row(item: Any, names: Sequence[str]) -> dict[str, str]:
    row = {name: _text(getattr(item, name)) for name in names} | getattr(item, EXTRA, {})
    return {name: quoted(text) for name, text in row.items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def _check_unique(values: Sequence[str], key: str, where: str) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise EmoError(f"{where}: duplicate {key} {value!r}")
        seen.add(value)
