"""What comes in one file is laid out as folders first, so that it is enrolled like everything else."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipeline.core.errors import EmoError
from pipeline.ingest import fer2013_csv
from pipeline.ingest.layouts import fer2013
from pipeline.ingest.layouts.layout import Media
from pipeline.ingest.layouts.registry import AUTO
from pipeline.ingest.request import Request
from pipeline.ingest.sources import media_of

_FOLDER = Path(".emo/unpacked")


@contextmanager
def unpacked(request: Request) -> Iterator[Request]:
    """Yield the request with FER2013's tables replaced by folders of pictures, gone when the block ends.

    Raises EmoError for rows that do not fit, and where a table lies beside the pictures that it holds.
    """
    tables = [table for path in request.sources for table in _tables(path, request.layout)]
    if not tables:
        yield request
        return
    others = [path for path in request.sources if path.is_dir() and media_of([path]) is Media.PICTURES]
    if others:
        raise EmoError(f"{tables[0]}: given with pictures ({others[0]}); give one form of the corpus")
    shutil.rmtree(_FOLDER, ignore_errors=True)  # of a killed run; the lock keeps others out
    try:
        for table in tables:
            fer2013_csv.unpack(table, _FOLDER / table.stem)
        yield replace(request, sources=(_FOLDER,), layout=fer2013.LAYOUT.name)
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)


def _tables(path: Path, layout: str) -> Sequence[Path]:
    """Return the tables at a path: a file's own, a folder's where FER2013 is asked for."""
    if layout not in (AUTO, fer2013.LAYOUT.name):
        return []
    if path.is_dir():
        return sorted(p for p in path.rglob("*.csv") if fer2013_csv.is_table(p)) if layout != AUTO else []
    return [path] if fer2013_csv.is_table(path) else []
