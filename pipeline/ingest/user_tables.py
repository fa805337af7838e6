"""Tables that people write: CSV with commas or semicolons, TSV."""

import csv
import io
from pathlib import Path
from typing import TypeVar

from pipeline.runtime.csv_files import parse_csv
from pipeline.runtime.errors import EmoError

T = TypeVar("T")


def read_table(path: Path, record: type[T]) -> list[tuple[int, T]]:
    """Read a table with commas, semicolons or tabs as numbers of lines and records of a dataclass.

    Raises EmoError with file, line, column and value for anything that does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise EmoError(f"{path}: a folder; give the table itself") from None
    except UnicodeDecodeError:
        raise EmoError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from None
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    records = parse_csv(_with_commas(text, delimiter), record, key=None, where=str(path))
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    lines = [reader.line_num for row in reader if row]
    return list(zip(lines[1:], records, strict=True))


def _with_commas(text: str, delimiter: str) -> str:
    if delimiter == ",":
        return text
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(csv.reader(io.StringIO(text), delimiter=delimiter))
    return out.getvalue()
