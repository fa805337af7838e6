"""Calibration against values computed by hand."""

import numpy as np
import pytest

from pipeline.learning.evaluation.calibration import Bin, brier_score, calibration_error, reliability

CHANCES = np.array([[0.9, 0.1], [0.7, 0.3], [0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])
LABELS = np.array([0, 0, 1, 1, 0])


def test_bins_hold_images_by_confidence_with_their_upper_bound() -> None:
    found = reliability(CHANCES, LABELS, 5)
    assert [row.images for row in found] == [0, 0, 2, 2, 1]  # 0.5 and 0.6; 0.7 twice; 0.9
    third, fourth, fifth = found[2:]
    assert (third.low, third.high) == (0.4, 0.6)
    assert (third.confidence, third.accuracy) == (pytest.approx(0.55), 1)
    assert (fourth.confidence, fourth.accuracy) == (pytest.approx(0.7), 0.5)
    assert (fifth.confidence, fifth.accuracy) == (pytest.approx(0.9), 1)


def test_calibration_error_by_hand() -> None:
    # 2/5 |1 - 0.55| + 2/5 |0.5 - 0.7| + 1/5 |1 - 0.9| = 0.18 + 0.08 + 0.02
    assert calibration_error(reliability(CHANCES, LABELS, 5)) == pytest.approx(0.28)
    assert calibration_error([Bin(0, 1, 4, 0.75, 0.75)]) == 0


def test_brier_score_by_hand() -> None:
    # Two classes: twice the squared distance of the actual class: 0.01, 0.09, 0.49, 0.16, 0.25
    assert brier_score(CHANCES, LABELS) == pytest.approx(2 * (0.01 + 0.09 + 0.49 + 0.16 + 0.25) / 5)
    assert brier_score(np.eye(3), np.array([0, 1, 2])) == 0
    assert brier_score(np.eye(3), np.array([1, 2, 0])) == 2


def test_certainty_lies_in_the_last_bin() -> None:
    found = reliability(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), np.array([0, 0]), 10)
    assert (found[-1].images, found[-1].confidence, found[-1].accuracy) == (2, 1, 0.5)
