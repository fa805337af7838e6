"""What participants do: face units over time, blinks, gaze and the small movements of a head."""

from dataclasses import dataclass

import numpy as np

from .model import Floats

EXPRESSIONS = ("angry", "disgusted", "happy", "neutral", "sad", "scared", "surprised")

# Face units at the apex. A name without a side stands for both sides.
_APEX: dict[str, dict[str, float]] = {
    "angry": {
        "browDown": 1.45,
        "eyeSquint": 0.6,
        "mouthPress": 1.1,
        "mouthRollUpper": 0.7,
        "mouthRollLower": 0.65,
        "jawForward": 0.6,
        "mouthShrugLower": 0.35,
        "noseSneer": 0.35,
    },
    "disgusted": {
        "noseSneer": 1.35,
        "mouthUpperUp": 1.0,
        "eyeSquint": 0.9,
        "cheekSquint": 0.95,
        "browDown": 0.75,
        "mouthFrown": 0.35,
        "mouthShrugLower": 0.3,
        "eyeBlink": 0.22,
        "mouthLowerDown": 0.1,
    },
    "happy": {
        "mouthSmile": 1.25,
        "cheekSquint": 0.95,
        "mouthDimple": 0.3,
        "eyeSquint": 0.3,
        "mouthUpperUp": 0.65,
        "mouthLowerDown": 0.35,
        "jawOpen": 0.22,
    },
    "neutral": {},
    "sad": {
        "browInnerUp": 1.35,
        "mouthFrown": 1.35,
        "mouthShrugLower": 0.75,
        "eyeBlink": 0.36,
        "mouthPucker": 0.2,
    },
    "scared": {
        "browInnerUp": 1.25,
        "browOuterUp": 0.35,
        "browDown": 0.2,
        "eyeWide": 1.3,
        "mouthStretch": 1.35,
        "mouthLowerDown": 0.95,
        "jawOpen": 0.22,
        "mouthFrown": 0.2,
    },
    "surprised": {
        "browInnerUp": 1.0,
        "browOuterUp": 1.25,
        "eyeWide": 1.0,
        "jawOpen": 0.75,
        "mouthFunnel": 0.35,
    },
}
# Units that some people add, with their highest strength.
_OPTIONAL: dict[str, dict[str, float]] = {
    "angry": {"mouthPucker": 0.2, "noseSneer": 0.15, "mouthFrown": 0.25},
    "disgusted": {"mouthStretch": 0.2, "browDown": 0.2, "mouthFrown": 0.2},
    "happy": {"jawOpen": 0.15, "browOuterUp": 0.15, "mouthUpperUp": 0.2, "mouthStretch": 0.15},
    "neutral": {"mouthPress": 0.12, "mouthSmile": 0.06, "mouthFrown": 0.06, "browDown": 0.06},
    "sad": {"mouthPress": 0.15, "eyeSquint": 0.15, "cheekSquint": 0.15, "mouthRollUpper": 0.15},
    "scared": {"jawOpen": 0.12, "mouthUpperUp": 0.15, "mouthFrown": 0.15},
    "surprised": {"mouthFunnel": 0.25, "jawOpen": 0.15, "mouthPucker": 0.15},
}
# Typical head pitch (chin down > 0) and gaze pitch (down > 0) of each expression, degrees.
_HEAD_PITCH = {"sad": 8.0, "scared": -3.5, "angry": 3.5, "surprised": -2.5, "disgusted": -2.0}
_GAZE_PITCH = {"sad": 12.0, "angry": -3.0}
_ONE_SIDED = (
    "browInnerUp",
    "cheekPuff",
    "jawForward",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "tongueOut",
)
_BLINK_S = 0.26
_STRONGEST = 1.6  # beyond it, the mesh breaks


@dataclass(frozen=True)
class Style:
    """How a person acts, whatever the expression."""

    intensity: float
    asymmetry: dict[str, float]
    "Unit: share by which the left side is stronger than the right, about -0.15..0.15."
    habits: dict[str, float]
    "Unit: factor on its strength, about 0.8..1.2."
    onset_s: float
    liveliness: float
    "Factor on the head's drift."
    blinks_per_s: float


@dataclass(frozen=True)
class Performance:
    """One clip's acting; every array has one row a frame."""

    units: dict[str, Floats]
    "Unit of the head model: (F,) strength; 0: at rest, 1: the model's full strength."
    head_deg: Floats
    "(F, 3) pitch (chin down > 0), yaw (to the subject's left > 0), roll."
    gaze_deg: Floats
    "(F, 2) pitch (down > 0) and yaw of both eyes within the head."
    body_deg: Floats
    "(F,) yaw of the whole person."


def draw_style(rng: np.random.Generator) -> Style:
    """A person's manner of acting."""
    names = sorted({unit for units in _APEX.values() for unit in units})
    return Style(
        intensity=float(rng.uniform(0.88, 1.08)),
        asymmetry={name: float(rng.normal(0, 0.06)) for name in names},
        habits={name: float(np.clip(rng.normal(1, 0.09), 0.8, 1.2)) for name in names},
        onset_s=float(rng.uniform(0.18, 0.34)),
        liveliness=float(rng.uniform(0.5, 1.2)),
        blinks_per_s=float(rng.uniform(0.15, 0.5)),
    )


def perform(expression: str, style: Style, times_s: Floats, rng: np.random.Generator) -> Performance:
    """Act one expression: onset done by 0.5 s, offset not before 2.5 s of a 3 s clip."""
    envelope = _envelope(times_s, style, rng)
    apex = _draw_apex(expression, style, rng)
    flutter = 1 + 0.04 * _drift(times_s, rng, period_s=0.9)
    units: dict[str, Floats] = {
        name: np.clip(strength * envelope * flutter, 0, _STRONGEST).astype(np.float32)
        for name, strength in apex.items()
    }
    blink = _blinks(times_s, style, rng)
    for side in ("Left", "Right"):
        name = f"eyeBlink{side}"
        units[name] = np.maximum(units.get(name, np.float32(0.0)), blink).astype(np.float32)
        # Wide-open lids would fight the blink.
        wide = f"eyeWide{side}"
        if wide in units:
            units[wide] = units[wide] * (1 - blink)
    return Performance(
        units=units,
        head_deg=_head(expression, style, envelope, times_s, rng),
        gaze_deg=_gaze(expression, envelope, times_s, rng),
        body_deg=_drift(times_s, rng, period_s=2.5) * 0.8,
    )


def _draw_apex(expression: str, style: Style, rng: np.random.Generator) -> dict[str, float]:
    """Strength of each of the model's units at the apex for this person and this clip."""
    combined = dict(_APEX[expression])
    for name, highest in _OPTIONAL[expression].items():
        if rng.random() < 0.5:
            combined[name] = combined.get(name, 0.0) + float(rng.uniform(0.3, 1.0)) * highest
    apex: dict[str, float] = {}
    for name, strength in combined.items():
        strength *= style.intensity * style.habits.get(name, 1.0) * float(rng.normal(1, 0.04))
        if name in _ONE_SIDED:
            apex[name] = strength
            continue
        lean = style.asymmetry.get(name, 0.0)
        apex[f"{name}Left"] = strength * (1 + lean)
        apex[f"{name}Right"] = strength * (1 - lean)
    return apex


def _envelope(times_s: Floats, style: Style, rng: np.random.Generator) -> Floats:
    """(F,) 0..1: rises by 0.5 s, falls from some moment after 2.5 s to the end."""
    start = float(rng.uniform(0.06, 0.14))
    rise = _smooth((times_s - start) / style.onset_s)
    end = float(times_s[-1])
    fall_from = max(end - float(rng.uniform(0.36, 0.44)), 2.5 if end > 2.7 else 0.8 * end)
    return rise * (1 - 0.85 * _smooth((times_s - fall_from) / max(end - fall_from, 0.05)))


def _smooth(x: Floats) -> Floats:
    """Smoothstep: 0 below 0, 1 above 1."""
    x = np.clip(x, 0, 1)
    return (x * x * (3 - 2 * x)).astype(np.float32)


def _drift(times_s: Floats, rng: np.random.Generator, period_s: float) -> Floats:
    """(F,) slow random wander with standard deviation of about 1."""
    total = np.zeros_like(times_s)
    for octave in range(3):
        phase = rng.uniform(0, 2 * np.pi)
        period = period_s * float(rng.uniform(0.8, 1.3)) / 1.8**octave
        total += np.sin(2 * np.pi * times_s / period + phase) / 1.7**octave
    return (total * 0.85).astype(np.float32)


def _blinks(times_s: Floats, style: Style, rng: np.random.Generator) -> Floats:
    """(F,) 0..1 lid closure by blinking."""
    closure = np.zeros_like(times_s)
    for _ in range(rng.poisson(style.blinks_per_s * float(times_s[-1]))):
        centre = rng.uniform(0.15, float(times_s[-1]) - 0.15)
        closure = np.maximum(closure, 1 - np.abs(times_s - centre) / (_BLINK_S / 2))
    return _smooth(closure * 1.4)


def _head(
    expression: str, style: Style, envelope: Floats, times_s: Floats, rng: np.random.Generator
) -> Floats:
    """(F, 3) degrees: a resting pose, drift, and what goes with the expression."""
    rest = rng.normal(0, [1.2, 2.2, 1.4])
    columns = []
    for axis, amplitude in enumerate((0.9, 1.6, 0.9)):
        columns.append(rest[axis] + amplitude * style.liveliness * _drift(times_s, rng, 2.4))
    columns[0] = columns[0] + envelope * _HEAD_PITCH.get(expression, 0.0) * rng.uniform(0.4, 1.2)
    return np.stack(columns, axis=1).astype(np.float32)


def _gaze(expression: str, envelope: Floats, times_s: Floats, rng: np.random.Generator) -> Floats:
    """(F, 2) degrees: fixations near the camera with small saccades."""
    jumps = np.sort(rng.uniform(0, float(times_s[-1]), rng.integers(1, 4)))
    targets = rng.normal(0, [1.5, 2.5], (len(jumps) + 1, 2))
    gaze = targets[np.searchsorted(jumps, times_s)]
    gaze[:, 0] += envelope * _GAZE_PITCH.get(expression, 0.0)
    return gaze.astype(np.float32)
