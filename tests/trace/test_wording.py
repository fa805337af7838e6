"""The words of a trace: outcomes with colours and reasons, ordinal numbers."""

import pytest

from pipeline.schema.faces import STATUSES
from pipeline.versions.trace.clip_trace import OUTCOMES, Frame
from pipeline.versions.trace.placement import ordinal
from pipeline.versions.trace.strips import COLOURS


def test_outcomes_have_colours() -> None:
    assert set(OUTCOMES) == set(COLOURS)
    assert set(STATUSES) - {"ok"} <= set(OUTCOMES)


@pytest.mark.parametrize("outcome", sorted(set(OUTCOMES) - {"duplicate"}))
def test_outcomes_have_reasons(outcome: str) -> None:
    frame = Frame("S1_happy", 0, 0.0, "ok", None, 0.0, None, outcome)
    assert frame.reason
    assert (frame.reason == "no near-duplicates") == (outcome == "image")


def test_ordinal_numbers() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 112)
    words = ("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th")
    assert tuple(map(ordinal, numbers)) == words
