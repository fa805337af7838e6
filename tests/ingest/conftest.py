from pathlib import Path

import pytest

from tests.support.ingest_project import IngestProject
from tests.support.making import init_dvc


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IngestProject:
    """An empty project, which becomes the current directory."""
    top = tmp_path / "project"
    top.mkdir()
    (top / "dvc.yaml").write_text("stages: {}\n")
    init_dvc(top)
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
