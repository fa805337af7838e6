"""Metrics as the report shows them."""

from typing import Any

import pytest

from pipeline.report.results import model_metrics, wilson
from tests.support.reported import metrics


def test_interval_of_one_subject() -> None:
    """Against Newcombe 1998 (Statistics in Medicine 17: 857-872), table I, method 3."""
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        found = wilson(hits / n, n)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_guessing_and_the_most_frequent_class() -> None:
    found = model_metrics(metrics())
    assert (found.chance, found.majority) == (0.5, 0.5)
    assert found.test.subjects == 2


@pytest.mark.parametrize(
    ("split", "values", "value"),
    [
        ("test", {"accuracy": None}, "test.accuracy"),
        ("train", {"accuracy": None}, "train.accuracy"),
        (
            "test",
            {"per_class": {"sad": dict.fromkeys(("precision", "recall", "f1", "support"), 0)}},
            "no test image",
        ),
    ],
)
def test_values_that_are_no_metrics(split: str, values: dict[str, Any], value: str) -> None:
    with pytest.raises(ValueError, match=value):
        model_metrics(metrics() | {split: metrics()[split] | values})
