"""The four difficult recordings of a cohort: what goes wrong in real laboratories, too."""

from dataclasses import dataclass, replace

import numpy as np

from .acting import Performance
from .model import Floats

SECOND_PERSON = "second_person"
TURNED_AWAY = "turned_away"
VARIABLE_FRAME_RATE = "variable_frame_rate"
ROTATED = "rotated"

DIFFICULTIES = {
    ("V04", "happy"): SECOND_PERSON,
    ("V06", "surprised"): TURNED_AWAY,
    ("V09", "sad"): VARIABLE_FRAME_RATE,
    ("V11", "angry"): ROTATED,
}
"""(subject, expression): what is difficult in that recording."""

_HEAD_TURN_DEG = 72.0
_BODY_TURN_DEG = 48.0
_FRONTAL_DEG = 30.0  # beyond this yaw a frontal face is not to be expected


@dataclass(frozen=True)
class Note:
    """One line of difficult.csv."""

    video: str
    difficulty: str
    detail: str


def turn_away(performance: Performance, times_s: Floats) -> Performance:
    """The same acting, but the person looks behind them in the middle of the clip."""
    middle = float(times_s[-1]) / 2
    turned = np.clip((0.48 - np.abs(times_s - middle)) / 0.28, 0, 1)
    turned = turned * turned * (3 - 2 * turned)
    head = performance.head_deg.copy()
    head[:, 1] = head[:, 1] * (1 - turned) + _HEAD_TURN_DEG * turned
    return replace(
        performance,
        head_deg=head.astype(np.float32),
        body_deg=(performance.body_deg + _BODY_TURN_DEG * turned).astype(np.float32),
    )


def turned_stretch_s(performance: Performance, times_s: Floats) -> tuple[float, float]:
    """First and last moment at which the face is not frontal, seconds."""
    yaw = np.abs(performance.head_deg[:, 1] + performance.body_deg)
    away = times_s[yaw > _FRONTAL_DEG]
    return float(away[0]), float(away[-1])


def irregular_times(seconds: float, fps: int, rng: np.random.Generator) -> Floats:
    """Times of a webcam that drops frames and keeps no beat; same length of the clip."""
    regular = np.arange(round(seconds * fps)) / fps
    kept = rng.random(len(regular)) > 0.35
    kept[[0, -1]] = True
    times_s = regular[kept]
    times_s[1:-1] += rng.uniform(-0.3, 0.3, len(times_s) - 2) / fps
    return times_s.round(3).astype(np.float32)
