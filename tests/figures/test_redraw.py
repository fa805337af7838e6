"""Redrawing the figures of a project from its tables."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.figures.redraw import calibration_figure, confusion_figure, history_figure, redraw
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.schema.census import CensusRow
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.history import Epoch, format_history
from pipeline.schema.predictions import Prediction
from tests.support.making import counted_row, set_params

HISTORY = [
    Epoch(epoch, 0.01, 2.0 / epoch, 0.2 * epoch, 1.9 / epoch, 0.1 * epoch, best=epoch < 4)
    for epoch in range(1, 5)
]
PREDICTIONS = [
    Prediction(f"c_{n:06d}.png", "S1", "c", n, n / 5, "happy", predicted, 0.6)
    for n, predicted in enumerate(["happy", "happy", "sad"])
]


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of a project, with three predictions of images of one class."""
    monkeypatch.chdir(tmp_path)
    set_params()
    Path("reports").mkdir()
    Path("reports/history.csv").write_text(format_history(HISTORY))
    write_csv(Path("reports/predictions.csv"), PREDICTIONS, Prediction)
    funnel = counted_row("c", "S1", "happy", "test", sampled=5, no_face=2, images=3)
    write_csv(Path("reports/funnel.csv"), [funnel], FunnelRow)
    census = [CensusRow("train", "S2", name, 1, 1, "0" * 16) for name in ("angry", "happy", "sad")]
    write_csv(Path("data/census.csv"), census, CensusRow)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("kind", ["svg", pytest.param("pdf", marks=pytest.mark.slow)])
def test_four_figures_with_the_same_bytes_again(kind: str) -> None:
    paths = redraw(Path("paper"), kind)
    assert [path.name for path in paths] == [
        f"{name}.{kind}" for name in ("learning_curves", "confusion", "calibration", "funnel")
    ]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in redraw(Path("paper"), kind)] == first


@pytest.mark.usefixtures("tables")
def test_the_figures_have_the_values_of_the_tables() -> None:
    learning, confusion, calibration, funnel = (path.read_text() for path in redraw(Path("paper"), "svg"))
    assert ">best epoch: 3<" in learning
    assert ">test: 66.7% of 3 images<" in confusion
    assert ">angry<" in confusion  # a class without a test image
    assert ">test: expected calibration error 6.7%<" in calibration  # 2 of 3 right, confidence 0.6
    assert all(text in funnel for text in (">5  (100.0%)<", ">no face<", ">2  (40.0%)<", ">3  (60.0%)<"))
    assert "several faces" not in funnel


def test_the_confusion_matrix_has_actual_classes_in_rows() -> None:
    [axes] = confusion_figure(PREDICTIONS, ("happy", "sad")).axes
    shares = np.asarray(axes.images[0].get_array())
    assert np.allclose(shares, [[2 / 3, 1 / 3], [0, 0]])
    assert [text.get_text() for text in axes.texts] == ["2\n67%", "1\n33%"]


def test_curves_and_bars_are_the_values() -> None:
    loss, _ = history_figure(HISTORY).axes
    assert list(loss.lines[0].get_ydata()) == [row.train_loss for row in HISTORY]
    upper, lower = calibration_figure(PREDICTIONS, 10).axes
    assert [bar.get_height() for bar in upper.patches] == pytest.approx([2 / 3])
    assert [bar.get_height() for bar in lower.patches] == [3]


@pytest.mark.usefixtures("tables")
def test_missing_tables_and_other_formats_are_named() -> None:
    with pytest.raises(EmoError, match="format 'gif'"):
        redraw(Path("paper"), "gif")
    Path("reports/history.csv").unlink()
    with pytest.raises(EmoError, match=r"reports/history\.csv"):
        redraw(Path("paper"), "svg")
    assert not Path("paper").exists()
