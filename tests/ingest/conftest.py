from pathlib import Path

import pytest

from tests.support.ingest_project import IngestProject


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IngestProject:
    """An empty project, which becomes the current directory."""
    top = tmp_path / "project"
    top.mkdir()
    (top / "dvc.yaml").write_text("stages: {}\n")
    (top / ".dvc").mkdir()
    (top / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(top)
    for variable in ("EMO_CACHE", "EMO_MEMO"):
        monkeypatch.delenv(variable, raising=False)
    return IngestProject(tmp_path / "study")


@pytest.fixture
def study(project: IngestProject) -> IngestProject:
    """A project with recordings of two expressions of two subjects, not enrolled yet."""
    for subject in ("S02", "S01"):
        for expression in ("happy", "afraid"):
            project.video(f"{subject}/{expression}.mp4")
    return project
