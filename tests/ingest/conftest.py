import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.ingest.run import Outcome, Request, ingest
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import VIDEOS
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.participants import Participant
from tests.support.recordings import write_video


def no_progress(_label: str, _total: int) -> Any:
    return nullcontext(lambda _steps=1: None)


@dataclass
class Project:
    """A project in the current directory, and a folder of recordings beside it. No DVC."""

    study: Path

    def video(self, name: str, seed: int | None = None, **options: int) -> Path:
        """Write a recording below the study; without a seed its content follows from its name."""
        return write_video(self.study / name, zlib.crc32(name.encode()) if seed is None else seed, **options)

    def ingest(self, *sources: Path, **options: Any) -> Outcome:
        given = sources or (() if "manifest" in options else (self.study,))
        return ingest(Request(tuple(given), **options), progress=no_progress, track=tuple)

    def refused(self, *sources: Path, **options: Any) -> str:
        """Ingest, expecting an EmoError; return its text and check that nothing was done."""
        before = self.tables()
        with pytest.raises(EmoError) as caught:
            self.ingest(*sources, **options)
        assert self.tables() == before
        return str(caught.value)

    def manifest(self, *lines: str, name: str = "manifest.csv") -> Path:
        path = self.study / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def tables(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(Path("raw").glob("*.csv"))}

    def people(self) -> dict[str, Participant]:
        return {person.subject: person for person in read_enrolment()[0]}

    def clips(self) -> dict[str, Clip]:
        return {clip.clip: clip for clip in read_enrolment()[1]}

    def files(self) -> list[str]:
        return sorted(p.relative_to(VIDEOS).as_posix() for p in VIDEOS.rglob("*") if p.is_file())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    top = tmp_path / "project"
    top.mkdir()
    (top / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(top)
    monkeypatch.delenv("EMO_MEMO", raising=False)
    return Project(tmp_path / "study")
