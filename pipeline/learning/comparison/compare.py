"""Trainings side by side, with the differences in accuracy that exceed chance: the view of `emo compare`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.learning.comparison.runs import Run
from pipeline.learning.evaluation.metrics import FEWEST, Interval, accuracy, accuracy_difference
from pipeline.runtime.text import listed
from pipeline.versions.diff import Diff
from pipeline.versions.diff import compare as compare_versions

_RESAMPLES, _SEED = 10_000, 0

HEADER = [
    "run",
    "changed from the first",
    "accuracy",
    "macro F1",
    "ECE",
    "subjects",
    "accuracy against the first",
]
"""Header of `Compared.row`."""


@dataclass(frozen=True)
class Difference:
    """The difference in accuracy between two runs, on the test subjects that both measured."""

    subjects: int
    "Number of subjects measured by both."
    accuracy: float | None
    "Accuracy of the second run minus that of the first; None without a common subject."
    interval: Interval | None
    "95 % interval, by resampling subjects; None for too few subjects."
    same_images: bool
    "Whether both measured the same number of images of each subject."
    unknown: str = ""
    "Name of the run whose test subjects are not known; empty if they are known for both."

    @property
    def verdict(self) -> str:
        """Whether the difference exceeds chance, in words."""
        if self.unknown:
            return f"unknown: the predictions of {self.unknown} are missing; `dvc fetch --all-commits`"
        if self.accuracy is None:
            return "no common subject"
        points, note = self.accuracy * 100, "" if self.same_images else "; different images"
        if self.interval is None:
            return f"{points:+.1f} points, too few subjects ({self.subjects}; {FEWEST} or more needed){note}"
        low, high = self.interval.low * 100, self.interval.high * 100
        if low > 0:
            return f"better by {points:.1f} points ({low:.1f} to {high:.1f}){note}"
        if high < 0:
            return f"worse by {-points:.1f} points ({-high:.1f} to {-low:.1f}){note}"
        return f"no difference beyond chance ({low:+.1f} to {high:+.1f}){note}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "people": self.subjects,
            "accuracy": self.accuracy,
            "interval_95": asdict(self.interval) if self.interval else None,
            "same_images": self.same_images,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Compared:
    """One run beside the first."""

    run: Run
    diff: Diff
    "Changes of dataset, settings and code from the first run to this one."
    difference: Difference | None
    "Difference in accuracy from the first run; None for the first run itself."

    def row(self) -> list[str]:
        """Return the row of the table."""
        test = self.run.test
        error = (test.get("calibration") or {}).get("ece")
        return [
            self.run.name,
            self._changes(),
            f"{test['accuracy']:.1%}",
            f"{test['macro_f1']:.3f}",
            f"{error:.3f}" if error is not None else "",
            str(len(self.run.confusions)) if self.run.confusions is not None else "",
            self.difference.verdict if self.difference else "",
        ]

    def _changes(self) -> str:
        changes = [f"{change.what}={change.after}" for change in self.diff.settings]
        changes += [f"code of {listed(self.diff.code)}"] if self.diff.code else []
        changes += ["other dataset"] if self.diff.changes_dataset else []
        return "; ".join(changes)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        test = {name: self.run.test.get(name) for name in ("loss", "accuracy", "macro_f1", "calibration")}
        return {
            "name": self.run.name,
            "commit": self.run.version.commit,
            "subjects": self.run.caveat or "people",
            "settings": {change.what: change.after for change in self.diff.settings},
            "code": list(self.diff.code),
            "other_dataset": self.diff.changes_dataset,
            "test": test,
            "difference": self.difference.as_json() if self.difference else None,
        }


def caveat(runs: Sequence[Compared]) -> str:
    """Return the line below the table if subjects of a run are images; else empty."""
    runs_by_caveat = {one.run.caveat: one.run.name for one in runs if one.run.caveat}
    return "; ".join(f"subjects of {name}: {caveat}" for caveat, name in runs_by_caveat.items())


def compare_runs(runs: Sequence[Run]) -> list[Compared]:
    """Return each run beside the first."""
    first = runs[0]
    return [
        Compared(
            run,
            compare_versions(first.version, run.version),
            None if run is first else _run_difference(first, run),
        )
        for run in runs
    ]


def _run_difference(first: Run, second: Run) -> Difference:
    if first.confusions is None or second.confusions is None:
        unknown = first if first.confusions is None else second
        return Difference(0, None, None, same_images=False, unknown=unknown.name)
    return difference(first.confusions, second.confusions)


def difference(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> Difference:
    """Return the difference in accuracy from a first run to a second.

    Args:
        first: Confusion matrix (k, k) by test subject; k may differ between the runs.
        second: The same of the second run.
    """
    common = sorted(first.keys() & second.keys())
    if not common:
        return Difference(0, None, None, same_images=False)
    one, other = (_hits_and_misses([run[name] for name in common]) for run in (first, second))
    change = float(accuracy(other.sum(0)) - accuracy(one.sum(0)))
    interval = accuracy_difference(one, other, _RESAMPLES, np.random.default_rng(_SEED))
    same_images = bool((one.sum((1, 2)) == other.sum((1, 2))).all())
    return Difference(len(common), change, interval, same_images)


def _hits_and_misses(matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Return (subjects, 2, 2) counts with the same accuracies, whatever the classes of the matrices."""
    hits, images = (np.array([measure(m) for m in matrices]) for measure in (np.trace, np.sum))
    counts = np.zeros((len(matrices), 2, 2), np.int64)
    counts[:, 0, 0], counts[:, 1, 0] = hits, images - hits
    return counts
