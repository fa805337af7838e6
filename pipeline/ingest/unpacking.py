"""What comes in one file is laid out as folders first, so that it is enrolled like everything else."""

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
from pipeline.ingest.sources import MEDIA_SUFFIXES, PICTURE_SUFFIXES, check_given, files_below, why_not
from pipeline.runtime.errors import EmoError

_FOLDER = Path(".emo/unpacked")
_SUFFIX = ".csv"

_OTHER = "a table without the columns emotion, pixels, Usage"


@dataclass(frozen=True)
class Unpacked:
    """A request whose tables are replaced by folders of pictures."""

    request: Request
    skipped: Mapping[str, int] = field(default_factory=dict)
    "reason -> files that lie beside the tables"
    tables: Mapping[str, Path] = field(default_factory=dict)
    "name of the folder that a table was unpacked to -> the table"

    def told(self, proposals: Proposals) -> Proposals:
        """Return the proposals with what was left out, named by the lines of the tables."""
        if not self.tables:
            return proposals
        clips = [replace(clip, where=self._line(clip.path)) for clip in proposals.clips]
        return replace(proposals, clips=clips, skipped=proposals.skipped | dict(self.skipped))

    def _line(self, picture: Path) -> str:
        table = self.tables[picture.relative_to(_FOLDER).parts[0]]
        return f"{table}: line {fer2013_csv.line_of(picture)}"


@contextmanager
def unpacked(request: Request) -> Iterator[Unpacked]:
    """Yield the request with FER2013's tables replaced by folders of pictures, gone when the block ends.

    Raises EmoError for a table of other columns, rows that do not fit, and whatever is given beside a table
    that would not be enrolled with it.
    """
    tables = {} if request.manifest else _all_tables(request)
    if not tables:
        yield Unpacked(request)
        return
    skipped = _beside(request.sources, tables)
    shutil.rmtree(_FOLDER, ignore_errors=True)  # of a killed run; the lock keeps others out
    taken: set[str] = set()
    folders = {unique(slug(table.stem) or "table", taken): table for table in tables.values()}
    try:
        for name, table in folders.items():
            fer2013_csv.unpack(table, _FOLDER / name)
        yield Unpacked(replace(request, sources=(_FOLDER,), layout=fer2013.LAYOUT.name), skipped, folders)
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)


def _all_tables(request: Request) -> dict[Path, Path]:
    """Return place -> path as given of all tables: each once, however it is given."""
    layout_named(request.layout)
    for path in request.sources:
        check_given(path)
    tables = [table for path in request.sources for table in _tables(path, request.layout)]
    return {table.resolve(): table for table in tables}


def _tables(path: Path, layout: str) -> Sequence[Path]:
    """Return the tables at a path: a file's own, a folder's where FER2013 is asked for."""
    if not path.is_dir():
        return [_table(path, layout)] if _is_csv(path) else []
    if layout not in (AUTO, fer2013.LAYOUT.name):
        return []
    files = [file for file in files_below(path) if not file.name.startswith(".")]
    named = [file for file in files if _is_csv(file)]
    if layout == AUTO:
        _check_folder(files, named)
        return []
    tables = [file for file in named if not fer2013_csv.misfit(file)]
    if named and not tables and not any(file.suffix.lower() in PICTURE_SUFFIXES for file in files):
        raise EmoError(fer2013_csv.misfit(named[0]))
    return tables


def _table(path: Path, layout: str) -> Path:
    """Return a table that is given by itself; raise EmoError where it cannot be one."""
    if layout not in (AUTO, fer2013.LAYOUT.name):
        raise EmoError(
            f"{path}: a table, which --layout {layout} does not read; a table that names the clips is given "
            "with --manifest"
        )
    if fault := fer2013_csv.misfit(path):
        raise EmoError(fault)
    return path


def _check_folder(files: Sequence[Path], named: Sequence[Path]) -> None:
    """Raise EmoError where FER2013's table is all that a folder has, and nobody asks for FER2013."""
    if any(file.suffix.lower() in MEDIA_SUFFIXES for file in files):
        return
    if table := next((file for file in named if not fer2013_csv.misfit(file)), None):
        raise EmoError(f"{table}: FER2013's table; give --layout fer2013, or the table itself")


def _beside(given: Sequence[Path], tables: Mapping[Path, Path]) -> dict[str, int]:
    """Count what lies beside the tables; raise EmoError for what else was given, and for pictures."""
    skipped: Counter[str] = Counter()
    first = next(iter(tables.values()))
    for path in given:
        files = list(files_below(path)) if path.is_dir() else [path]
        if not any(file.resolve() in tables for file in files):
            raise EmoError(f"{path}: given with {first}, FER2013's table; ingest each by itself")
        others = [file for file in files if file.resolve() not in tables]
        reasons = {file: _why_not(file) for file in others}
        if picture := next((file for file, reason in reasons.items() if not reason), None):
            raise EmoError(f"{first}: given with pictures ({picture}); give one form of the corpus")
        skipped.update(reasons.values())
    return dict(skipped)


def _why_not(file: Path) -> str:
    """Return why a file beside the tables is not enrolled; empty for a picture."""
    return _OTHER if _is_csv(file) and not file.name.startswith(".") else why_not(file, Media.PICTURES)


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == _SUFFIX and path.is_file()
