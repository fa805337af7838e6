"""A project for ingest tests, in which DVC tracks nothing, and a folder of recordings beside it."""

import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.ingest.run import Outcome, Request, ingest
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import VIDEOS
from pipeline.runtime.progress import Advance
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.participants import Participant
from tests.support.recordings import write_video


def no_progress(_label: str, _total: int) -> AbstractContextManager[Advance]:
    return nullcontext(lambda _steps=1: None)


def no_tracking(_dvc: Any) -> tuple[str, ...]:
    return ()


@dataclass
class IngestProject:
    """The project is the current directory."""

    recordings: Path
    "Folder of recordings to ingest."

    def video(self, name: str, seed: int | None = None, **options: int) -> Path:
        """Write a recording below `recordings`; without a seed, its content depends on its name."""
        return write_video(
            self.recordings / name, zlib.crc32(name.encode()) if seed is None else seed, **options
        )

    def ingest(self, *sources: Path, **options: Any) -> Outcome:
        """Ingest the recordings, or `sources`, or the option `manifest`."""
        given = sources or (() if "manifest" in options else (self.recordings,))
        return ingest(Request(tuple(given), **options), progress=no_progress, track=no_tracking)

    def ingest_error(self, *sources: Path, **options: Any) -> str:
        """Ingest, expecting an EmoError; return its text, and check that the tables are unchanged."""
        before = self.tables()
        with pytest.raises(EmoError) as caught:
            self.ingest(*sources, **options)
        assert self.tables() == before
        return str(caught.value)

    def table(self, *lines: str, name: str = "manifest.csv") -> Path:
        """Write a text table below `recordings`."""
        path = self.recordings / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def tables(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(Path("raw").glob("*.csv"))}

    def participants(self) -> dict[str, Participant]:
        return {participant.subject: participant for participant in read_enrolment()[0]}

    def clips(self) -> dict[str, Clip]:
        return {clip.clip: clip for clip in read_enrolment()[1]}

    def files(self) -> list[str]:
        return sorted(p.relative_to(VIDEOS).as_posix() for p in VIDEOS.rglob("*") if p.is_file())
