"""Bulk tables (Parquet): the same rows give the same bytes; read with clear errors, written atomically."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing


def write_parquet(path: Path, table: pa.Table, *, row_group: int | None = None) -> None:
    """Write a Parquet file atomically; `row_group` is the number of rows read at a time.

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
    """Return rows as a table; keys missing in a row become null, keys without a column are ignored.

    Like `pa.Table.from_pylist`, which loads pandas and so costs each process a third of a second. Values must
    have their column's type: they are not converted and hardly checked.
    """
    columns = [_array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


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
        why = str(error).partition("\n")[0]
        raise EmoError(
            f"{path}: not a readable Parquet file ({why}); remove it and run `dvc repro`"
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


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return an array of a type that the schemas use: numbers, booleans, text, bytes and structs of them."""
    missing = [value is None for value in values]
    if pa.types.is_struct(kind):
        inside = [value or {} for value in values]
        parts = [_array([value.get(field.name) for value in inside], field.type) for field in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=_mask(missing))
    valid = pa.py_buffer(_bits(not gone for gone in missing)) if any(missing) else None
    return pa.Array.from_buffers(kind, len(values), [valid, *map(pa.py_buffer, _buffers(values, kind))])


def _mask(missing: Sequence[bool]) -> pa.Array | None:
    """Return which values are null, as the boolean array that pyarrow needs for a struct."""
    return _array(list(missing), pa.bool_()) if any(missing) else None


def _buffers(values: Sequence[Any], kind: pa.DataType) -> tuple[Any, ...]:
    """Return the memory of an Arrow array after its validity bitmap."""
    if pa.types.is_boolean(kind):
        return (_bits(map(bool, values)),)
    if pa.types.is_binary(kind) or pa.types.is_string(kind):
        data = [value.encode() if isinstance(value, str) else value or b"" for value in values]
        ends = np.cumsum([0, *map(len, data)])
        return ends.astype(np.int32), b"".join(data)
    return (np.array([value or 0 for value in values], kind.to_pandas_dtype()),)


def _bits(values: Iterable[bool]) -> np.ndarray:
    return np.packbits(np.fromiter(values, np.uint8), bitorder="little")
