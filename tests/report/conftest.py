"""The small project of `tests.support.reported`: written once, copied for each test."""

import shutil
from pathlib import Path

import pytest

from pipeline.audit.gate.check import Finding
from pipeline.audit.run import Audit, CheckResult
from pipeline.report import content
from tests.support.reported import SCRIPT, write_project


@pytest.fixture(scope="session")
def written_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project()
    return folder


@pytest.fixture
def project(written_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the current folder, with an audit of three checks: DVC would take seconds each time."""
    root = shutil.copytree(written_project, tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.setattr(content, "run_audit", _three_checks)
    return root


def _three_checks() -> Audit:
    findings = {
        "no subject in two splits": Finding(True, "5 subjects"),
        "no near-duplicate": Finding(False, f"S4 {SCRIPT}"),
        "recordings as enrolled": Finding(True, "off", skipped=True),
    }
    return Audit("workspace", "", (), tuple(CheckResult(*item) for item in findings.items()))
