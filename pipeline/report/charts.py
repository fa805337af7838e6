"""The coordinates of a line chart; the page draws it as SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 430, 14, 224
"""The size of the SVG, and the edges of the plot within it, in SVG units."""


@dataclass(frozen=True)
class Line:
    """One line of the chart."""

    name: str
    points: str
    "Points of an SVG polyline: x,y x,y ..."


@dataclass(frozen=True)
class Tick:
    """A tick of an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A line chart over the epochs, in SVG units."""

    title: str
    description: str
    "For screen readers."
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    "Ticks of the epochs."
    up: tuple[Tick, ...]
    "Ticks of the values."
    kept: Tick
    "The epoch whose weights were kept."


def line_chart(title: str, lines: Mapping[str, Sequence[float]], *, kept: int, is_share: bool) -> Chart:
    """Return the chart of the values of epochs 1, 2, 3 ...; `kept` is the epoch to point out."""
    epochs = max(map(len, lines.values()))
    ups = steps(1.0 if is_share else max(map(max, lines.values())))
    across = [epoch for epoch in steps(epochs) if 1 < epoch <= epochs and epoch == int(epoch)]

    def x(epoch: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (epoch - 1) / max(epochs - 1, 1), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / ups[-1], 1)

    return Chart(
        title=title,
        description=_description(lines, kept, is_share),
        lines=tuple(
            Line(name, " ".join(f"{x(epoch)},{y(value)}" for epoch, value in enumerate(values, 1)))
            for name, values in lines.items()
        ),
        across=(Tick(x(1), "1"), *(Tick(x(epoch), f"{epoch:g}") for epoch in across)),
        up=tuple(Tick(y(value), _label(value, is_share)) for value in ups),
        kept=Tick(x(kept), str(kept)),
    )


def steps(top: float) -> list[float]:
    """Return round values from 0 to `top` or just above it, in four to ten even steps."""
    power = 10.0 ** math.floor(math.log10(max(top, 1e-9) / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * 10 >= top * 1.3)
    return [round(step * i, 10) for i in range(math.ceil(round(top / step, 6)) + 1)]


def _description(lines: Mapping[str, Sequence[float]], kept: int, is_share: bool) -> str:
    """Return the first, the kept and the last value of each line in words."""
    epochs = {"first": 1, "kept": kept, "last": max(map(len, lines.values()))}
    parts = []
    for name, values in lines.items():
        points = [f"{_label(values[n - 1], is_share, 2)} in the {word} ({n})" for word, n in epochs.items()]
        parts.append(f"{name}: {', '.join(points)}")
    return f"By epoch, {'; '.join(parts)}."


def _label(value: float, is_share: bool, digits: int = 0) -> str:
    if is_share:
        return f"{value:.0%}"
    return f"{value:.{digits}f}" if digits else f"{value:g}"
