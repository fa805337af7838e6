"""Text tables (CSV) and bulk tables (Parquet): read with clear errors, written whole or not at all.

CSV: UTF-8, `\\n`, sorted by key, so that `git diff` reads as an audit. Parquet: the same rows give the
same bytes.
"""

import csv
import dataclasses
import io
import os
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import EmoError, reason

T = TypeVar("T")

Table = tuple[str, list[str], list[list[str]]]
"""Title, header and rows, as a command prints them."""

_NUMBER = re.compile(r"[-+0-9.eE]+|[-+]?inf|nan")
"""Python also takes 1_000 and digits of other scripts for numbers; other readers of CSV do not."""

_CONFLICT = re.compile("^<<<<<<< ", re.MULTILINE)
"""How Git marks where two versions of a file begin to differ."""

EXTRA = "extra"
"""A record's field of this name keeps columns that emo does not know: `dict[str, str]`."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there when the block ends well, else remove it.

    The old file is never opened for writing: it may be a link into a cache.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) whole or not at all; leave an equal file untouched."""
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)


# --- CSV ------------------------------------------------------------------------------------------


def read_csv(path: Path, record: type[T], key: str | None = None) -> list[T]:
    """Read a CSV file as records of the dataclass `record`; `key` names a column without repeats.

    Raises EmoError with file, line, column and value for anything that does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise EmoError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from None
    except OSError as error:
        raise EmoError(f"{path}: cannot be read: {reason(error)}") from None
    return parse_csv(text, record, key=key, where=str(path))


def parse_csv(text: str, record: type[T], *, key: str | None, where: str) -> list[T]:
    """Parse CSV text as `read_csv` does; `where` starts each message."""
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise EmoError(f"{where}: line {line}: a NUL character; the file is damaged or no text")
    if conflict := _CONFLICT.search(text):
        line = text[: conflict.start()].count("\n") + 1
        raise EmoError(
            f"{where}: line {line}: two versions that Git could not merge; choose, and `git add` it"
        )
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        _check_header(reader.fieldnames or (), record, where)
        records = [_record(record, row, f"{where}: line {reader.line_num}") for row in reader]
    except csv.Error as error:
        raise EmoError(f"{where}: line {reader.line_num}: not valid CSV: {error}") from None
    if key:
        _check_unique([str(getattr(item, key)) for item in records], key, where)
    return records


def write_csv(path: Path, records: Iterable[Any], record: type) -> None:
    """Write records as CSV, sorted by all their columns in order; leave an equal file untouched."""
    write_text(path, format_csv(records, record))


def format_csv(records: Iterable[Any], record: type) -> str:
    """Return the CSV text of records of the dataclass `record`, sorted by all columns in order."""
    names = [field.name for field in dataclasses.fields(record) if field.name != EXTRA]
    rows = [_row(item, names) for item in records]
    extra = sorted({column for row in rows for column in row if column not in names})
    lines = sorted([row.get(name, "") for name in (*names, *extra)] for row in rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, *extra])
    writer.writerows(lines)
    return out.getvalue()


def _check_header(columns: Sequence[str], record: type, where: str) -> None:
    fields = {field.name: field for field in dataclasses.fields(record)}
    keeps_others = fields.pop(EXTRA, None) is not None
    for name, field in fields.items():
        if name not in columns and field.default is dataclasses.MISSING:
            raise EmoError(
                f"{where}: line 1: missing column {name!r}; its columns, divided by commas: "
                f"{', '.join(columns) or 'none'}"
            )
    unknown = [column for column in columns if column not in fields]
    if unknown and not keeps_others:
        raise EmoError(f"{where}: line 1: unknown column {unknown[0]!r}")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if list(columns).count(name) > 1)
        raise EmoError(f"{where}: line 1: two columns are called {twice!r}: {', '.join(columns)}")


def _record(record: type[T], row: Mapping[str | None, Any], where: str) -> T:
    if None in row or None in row.values():
        raise EmoError(f"{where}: more or fewer values than columns")
    hints = dict(_hints(typing.cast(Any, record)))
    keeps_others = hints.pop(EXTRA, None) is not None
    values = {
        name: _parse(hints[name], row[name].strip(), f"{where}: {name}") for name in hints if name in row
    }
    if keeps_others:
        values[EXTRA] = {str(name): text for name, text in row.items() if name not in hints}
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
            raise EmoError(f"{where}: {text!r} is not true or false")
        return text == "true"
    try:
        if not _NUMBER.fullmatch(text):
            raise ValueError
        return hint(text)
    except ValueError:
        kind = "a whole number" if hint is int else "a number"
        raise EmoError(f"{where}: {text!r} is not {kind}") from None


def _row(item: Any, names: Sequence[str]) -> dict[str, str]:
    row = {name: _text(getattr(item, name)) for name in names}
    return row | getattr(item, EXTRA, {})


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
            raise EmoError(f"{where}: {key} {value!r} stands twice")
        seen.add(value)


# --- Parquet --------------------------------------------------------------------------------------


def write_parquet(path: Path, table: pa.Table, *, row_group: int | None = None) -> None:
    """Write a Parquet file whole or not at all; `row_group` is the number of rows read at a time.

    No dictionaries, statistics or compression for binary columns: images are compressed already.
    """
    binary = [f.name for f in table.schema if pa.types.is_binary(f.type) or pa.types.is_struct(f.type)]
    plain = {name: "NONE" if name in binary else "ZSTD" for name in _leaves(table.schema)}
    with replacing(path) as temporary:
        pq.write_table(
            table,
            temporary,
            row_group_size=row_group,
            compression=plain,
            use_dictionary=False,
            write_statistics=False,
        )


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; a key that a row lacks is null there, keys that are no columns are left out.

    As `pa.Table.from_pylist` does it, but that loads pandas, which takes every process a third of a second.
    Values must be of their column's type: nothing is converted, and not much checked.
    """
    columns = [_array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values of a type that the contracts use: numbers, truth, text, bytes and structs of them."""
    missing = [value is None for value in values]
    if pa.types.is_struct(kind):
        inside = [value or {} for value in values]
        parts = [_array([value.get(field.name) for value in inside], field.type) for field in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=_mask(missing))
    valid = pa.py_buffer(_bits(not gone for gone in missing)) if any(missing) else None
    return pa.Array.from_buffers(kind, len(values), [valid, *map(pa.py_buffer, _buffers(values, kind))])


def _mask(missing: Sequence[bool]) -> pa.Array | None:
    """Return which values are null as an array of truth, which pyarrow wants for a struct."""
    return _array(list(missing), pa.bool_()) if any(missing) else None


def _buffers(values: Sequence[Any], kind: pa.DataType) -> tuple[Any, ...]:
    """Return the memory of an Arrow array after its first part, which tells what is null."""
    if pa.types.is_boolean(kind):
        return (_bits(map(bool, values)),)
    if pa.types.is_binary(kind) or pa.types.is_string(kind):
        data = [value.encode() if isinstance(value, str) else value or b"" for value in values]
        ends = np.cumsum([0, *map(len, data)])
        return ends.astype(np.int32), b"".join(data)
    return (np.array([value or 0 for value in values], kind.to_pandas_dtype()),)


def _bits(values: Iterable[bool]) -> np.ndarray:
    return np.packbits(np.fromiter(values, np.uint8), bitorder="little")


@contextmanager
def parquet_sink(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file of images for writing group by group, so that memory stays small."""
    plain = {name: "NONE" if pa.types.is_binary(schema.field(name).type) else "ZSTD" for name in schema.names}
    with pq.ParquetWriter(
        path, schema, compression=plain, use_dictionary=False, write_statistics=False
    ) as writer:
        yield writer


def read_parquet(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet file; raise EmoError unless it is whole and has the columns and types of `schema`."""
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(file.schema_arrow, schema, path)
            return file.read(columns=list(columns) if columns is not None else None)
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; run `dvc repro`") from None
    except (pa.ArrowException, OSError) as error:
        fault = str(error).partition("\n")[0]
        raise EmoError(
            f"{path}: not a readable Parquet file ({fault}); remove it and run `dvc repro`"
        ) from None


def _check_columns(found: pa.Schema, schema: pa.Schema, path: Path) -> None:
    for field in schema:
        index = found.get_field_index(field.name)
        if index < 0 or found.field(index).type != field.type:
            raise EmoError(f"{path}: column {field.name!r} is missing or not {field.type}; run `dvc repro`")


def _leaves(schema: pa.Schema) -> list[str]:
    names: list[str] = []
    for field in schema:
        if pa.types.is_struct(field.type):
            names += [f"{field.name}.{child.name}" for child in field.type]
        else:
            names.append(field.name)
    return names
