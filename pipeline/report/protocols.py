"""The results of `emo protocols`: the same images with other splits."""

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
    """The results of one protocol."""

    name: str
    validation: float
    "Accuracy."
    test: float
    "Accuracy."
    tested: int
    "Number of subjects tested."
    interval: Interval | None
    "95 % interval of the test accuracy; None if the subjects are too few."
    inflation: float | None
    "Accuracy of frame-random minus `test`; None for frame-random itself, or if frame-random was not run."
    inflation_interval: Interval | None


@dataclass(frozen=True)
class Protocols:
    """The protocols that were run, and how often."""

    recipe: str
    seeds: int
    rows: tuple[Protocol, ...]

    @property
    def leaks(self) -> bool:
        """Whether the leaking split, frame-random, was run for comparison."""
        return any(row.inflation is not None for row in self.rows)


def read_protocols(version: Version) -> Protocols | None:
    """Read reports/protocols.json; None if `emo protocols` was not run.

    Raises EmoError if the results are from other images than those of this version.
    """
    if not PROTOCOLS.exists():
        return None
    results = read_json(PROTOCOLS)
    with expected(PROTOCOLS):
        about = results["about"]
        here = {row.subject for row in version.census if row.images}
        if (about["images"], set(about["subjects"])) != (version.images, here):
            raise EmoError(f"{PROTOCOLS}: computed on another version of the dataset; rerun `emo protocols`")
        return protocols_of(results)


def protocols_of(results: Mapping[str, Any]) -> Protocols:
    """Return the content of protocols.json as records."""
    about = results["about"]
    rows = tuple(_protocol(name, result) for name, result in results["protocols"].items())
    return Protocols(about["params"]["recipe"], len(about["seeds"]), rows)


def _protocol(name: str, result: Mapping[str, Any]) -> Protocol:
    return Protocol(
        name=name,
        validation=float(result["validation"]["accuracy"]),
        test=float(result["test"]["accuracy"]),
        tested=len(result["by_subject"]),
        interval=_interval(result["interval_95"]),
        inflation=None if result["inflation"] is None else float(result["inflation"]),
        inflation_interval=_interval(result["inflation_interval_95"]),
    )


def _interval(limits: Mapping[str, float] | None) -> Interval | None:
    return Interval(**limits) if limits else None
