"""FER2013's tables are unpacked to folders of images first, which are then ingested like any others."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.ingest import fer2013_csv
from pipeline.ingest.layouts import fer2013
from pipeline.ingest.layouts.layout import Media
from pipeline.ingest.layouts.registry import AUTO, layout_named
from pipeline.ingest.names import slug, unique
from pipeline.ingest.proposals import Proposals
from pipeline.ingest.request import Request
from pipeline.ingest.sources import IMAGE_SUFFIXES, VIDEO_SUFFIXES, check_given, files_below, skip_reason
from pipeline.runtime.errors import EmoError

_FOLDER = Path(".emo/unpacked")

_OTHER_TABLE = "a table without the columns emotion, pixels, Usage"


@dataclass(frozen=True)
class Unpacked:
    """A request in which tables are replaced by folders of images."""

    request: Request
    skipped: Mapping[str, int] = field(default_factory=dict)
    "Reason -> number of files beside the tables."
    tables: Mapping[str, Path] = field(default_factory=dict)
    "Name of the folder to which a table was unpacked -> the table."

    def with_table_lines(self, proposals: Proposals) -> Proposals:
        """Add the skipped files; let messages name lines of tables instead of unpacked files."""
        if not self.tables:
            return proposals
        clips = [replace(clip, where=self._line(clip.path)) for clip in proposals.clips]
        return replace(proposals, clips=clips, skipped=proposals.skipped | dict(self.skipped))

    def _line(self, image: Path) -> str:
        table = self.tables[image.relative_to(_FOLDER).parts[0]]
        return f"{table}: line {fer2013_csv.line_of(image)}"


@contextmanager
def unpacked(request: Request) -> Iterator[Unpacked]:
    """Yield the request with FER2013's tables unpacked to folders, which exist until the block ends.

    Raises EmoError for a table with other columns, invalid rows, and other sources beside a table.
    """
    tables = {} if request.manifest else _find_tables(request)
    if not tables:
        yield Unpacked(request)
        return
    skipped = _check_others(request.sources, tables)
    shutil.rmtree(_FOLDER, ignore_errors=True)  # left by an interrupted run; the lock excludes other runs
    taken: set[str] = set()
    folders = {unique(slug(table.stem) or "table", taken): table for table in tables.values()}
    try:
        for name, table in folders.items():
            fer2013_csv.unpack(table, _FOLDER / name)
        yield Unpacked(replace(request, sources=(_FOLDER,), layout=fer2013.LAYOUT.name), skipped, folders)
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)


def _find_tables(request: Request) -> dict[Path, Path]:
    """Return resolved path -> path as given of all tables, each once."""
    layout_named(request.layout)
    for path in request.sources:
        check_given(path)
    tables = [table for path in request.sources for table in _tables_at(path, request.layout)]
    return {table.resolve(): table for table in tables}


def _tables_at(path: Path, layout: str) -> Sequence[Path]:
    """Return the table at a path, or the tables in a folder if the layout is FER2013."""
    if not path.is_dir():
        return [_checked_table(path, layout)] if _is_csv(path) else []
    if layout not in (AUTO, fer2013.LAYOUT.name):
        return []
    files = [file for file in files_below(path) if not file.name.startswith(".")]
    tables = [file for file in files if _is_csv(file)]
    suffixes = {file.suffix.lower() for file in files}
    fitting = [table for table in tables if not fer2013_csv.header_error(table)]
    if layout == AUTO:
        if fitting and not suffixes & (IMAGE_SUFFIXES | VIDEO_SUFFIXES):
            raise EmoError(f"{fitting[0]}: FER2013's table; give --layout fer2013, or only the table")
        return []
    if tables and not fitting and not suffixes & IMAGE_SUFFIXES:
        raise EmoError(fer2013_csv.header_error(tables[0]))
    return fitting


def _checked_table(path: Path, layout: str) -> Path:
    """Return a table that is given as a file; raise EmoError if it cannot be FER2013's."""
    if layout not in (AUTO, fer2013.LAYOUT.name):
        raise EmoError(
            f"{path}: a table, which --layout {layout} does not read; give a table that lists clips with "
            "--manifest"
        )
    if error := fer2013_csv.header_error(path):
        raise EmoError(error)
    return path


def _check_others(given: Sequence[Path], tables: Mapping[Path, Path]) -> dict[str, int]:
    """Count the files next to the tables; raise EmoError for images, and for other sources."""
    skipped: Counter[str] = Counter()
    first = next(iter(tables.values()))
    for path in given:
        files = list(files_below(path)) if path.is_dir() else [path]
        others = [file for file in files if file.resolve() not in tables]
        if len(others) == len(files):
            raise EmoError(f"{path}: given together with {first}, FER2013's table; ingest them separately")
        for file in others:
            is_table = _is_csv(file) and not file.name.startswith(".")
            reason = _OTHER_TABLE if is_table else skip_reason(file, Media.IMAGES)
            if not reason:
                raise EmoError(f"{first}: given together with images ({file}); give one form of the corpus")
            skipped[reason] += 1
    return dict(skipped)


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and path.is_file()
