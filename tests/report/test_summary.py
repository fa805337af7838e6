"""The summary of a small project with known figures."""

from pathlib import Path

import pytest

from pipeline.report.summary import read_summary
from tests.support.reported import write_project


def test_the_test_subjects_by_sex_and_how_far_the_net_may_be_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project()
    tables = {title: rows for title, _, rows in read_summary().tables()}
    assert tables["The test subjects"] == [
        ["accuracy, F", "0.750", "2 subjects"],
        ["accuracy, F - M", "-0.125", "95 %: -0.300 to +0.050"],
        ["expected calibration error", "0.123", ""],
        ["Brier score (0 to 2)", "0.400", ""],
    ]
