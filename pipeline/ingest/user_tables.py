"""Tables that users write: CSV with commas or semicolons, or TSV."""

from pathlib import Path
from typing import TypeVar

from pipeline.runtime.csv_files import parse_rows, read_table_text

T = TypeVar("T")


def read_table(path: Path, record: type[T]) -> list[tuple[int, T]]:
    """Read a table with commas, semicolons or tabs as (line number, record) pairs.

    Raises EmoError with file, line, column and value if the file cannot be read as such a table.
    """
    text = read_table_text(path)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    return parse_rows(text, record, where=str(path), delimiter=delimiter)
