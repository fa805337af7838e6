"""The summary of a small project with known metrics."""

from pathlib import Path

import pytest

from pipeline.report.summary import Summary, read_summary
from pipeline.runtime.errors import NotBuiltError
from tests.support.reported import CLASSES, census, metrics


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_a_workspace_with_everything_built() -> None:
    titles = [title for title, _, _ in read_summary().tables()]
    assert titles == ["Consent", "Sampled frames by status", "Images", "The trained model", "Test subjects"]


def test_accuracy_by_sex_and_calibration() -> None:
    tables = {title: rows for title, _, rows in Summary({}, [], {}, metrics()).tables()}
    assert tables["Test subjects"] == [
        ["accuracy, F", "0.750", "2 subjects"],
        ["accuracy, F - M", "-0.125", "95 %: -0.300 to +0.050"],
        ["expected calibration error", "0.123", ""],
        ["Brier score (0 to 2)", "0.400", ""],
    ]


def test_unknown_consent_is_counted_and_named() -> None:
    consent = {"given": ["S1", "S4"], "unknown": ["S2", "S3"], "withdrawn": ["S5"]}
    [(title, _, rows)] = Summary({}, [], {}, {}, consent=consent).tables()
    assert (title, rows) == ("Consent", [["given", "2"], ["unknown", "2: S2, S3"], ["withdrawn", "1"]])


def test_images_by_split_and_class() -> None:
    [(title, header, rows)] = Summary({}, census(without="S3"), {}, {}).tables()
    assert (title, header) == ("Images", ["split", "subjects", *CLASSES])
    assert rows == [["train", "2", "6", "6"], ["validation", "0", "0", "0"], ["test", "2", "6", "6"]]


def test_a_workspace_with_nothing_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotBuiltError, match=r"funnel\.csv"):
        read_summary()
