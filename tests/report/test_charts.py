"""The coordinates and the description of line charts; which face crops are chosen."""

import pytest

from pipeline.report.charts import line_chart, steps
from pipeline.report.faces import evenly


@pytest.mark.parametrize("top", [0.004, 0.9, 1, 2.65, 7.7, 10, 150])
def test_an_axis_has_four_to_eight_even_steps(top: float) -> None:
    ticks = steps(top)
    assert ticks[-2] < top <= ticks[-1]
    assert 4 <= len(ticks) - 1 <= 8


def test_a_chart_describes_its_values_in_words() -> None:
    chart = line_chart("Loss", {"train": [2.0, 1.0], "validation": [2.0, 1.5]}, kept=2, is_share=False)
    assert chart.description.startswith("By epoch, train: 2.00 in the first (1), 1.00 in the kept (2)")
    assert chart.lines[0].points == "46.0,14.0 430.0,119.0"  # from the highest value to its half
    assert [tick.label for tick in chart.across] == ["1", "2"]


def test_face_crops_are_spread_evenly() -> None:
    rows = [{"frame": n} for n in range(10)]
    assert [row["frame"] for row in evenly(rows, 4)] == [0, 2, 5, 7]
    assert evenly(rows[:2], 8) == rows[:2]
