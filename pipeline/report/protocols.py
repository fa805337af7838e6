"""What other ways of dividing the same images say, from the figures of `emo protocols`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.learning.evaluation.metrics import Interval
from pipeline.report.sources import expected, read_json
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import PROTOCOLS
from pipeline.versions.version import Version


@dataclass(frozen=True)
class Protocol:
    """What the recipe reaches by one way of dividing."""

    name: str
    validation: float
    test: float
    tested: int
    "subjects"
    interval: Interval | None
    "95 %, of the test; None of too few subjects"
    inflation: float | None
    "how far the frame-random split lies above it; None of itself, and where it was not run"
    inflation_interval: Interval | None


@dataclass(frozen=True)
class Protocols:
    """The ways that were tried."""

    recipe: str
    seeds: int
    rows: tuple[Protocol, ...]

    @property
    def leaks(self) -> bool:
        """Whether the split that leaks is among them."""
        return any(row.inflation is not None for row in self.rows)


def read_protocols(version: Version) -> Protocols | None:
    """Read reports/protocols.json; None where `emo protocols` was not run.

    Raises EmoError where the figures are of other images than those of the version.
    """
    if not PROTOCOLS.exists():
        return None
    figures = read_json(PROTOCOLS)
    with expected(PROTOCOLS):
        about = figures["about"]
        here = {row.subject for row in version.census if row.images}
        if (about["images"], set(about["subjects"])) != (version.images, here):
            raise EmoError(f"{PROTOCOLS}: of other images than this dataset's; run `emo protocols` again")
        return protocols_of(figures)


def protocols_of(figures: Mapping[str, Any]) -> Protocols:
    """Return the figures of protocols.json as records."""
    about = figures["about"]
    rows = tuple(_protocol(name, found) for name, found in figures["protocols"].items())
    return Protocols(about["params"]["recipe"], len(about["seeds"]), rows)


def _protocol(name: str, found: Mapping[str, Any]) -> Protocol:
    return Protocol(
        name=name,
        validation=float(found["validation"]["accuracy"]),
        test=float(found["test"]["accuracy"]),
        tested=len(found["by_subject"]),
        interval=_limits(found["interval_95"]),
        inflation=None if found["inflation"] is None else float(found["inflation"]),
        inflation_interval=_limits(found["inflation_interval_95"]),
    )


def _limits(limits: Mapping[str, float] | None) -> Interval | None:
    return Interval(**limits) if limits else None
