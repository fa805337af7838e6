"""`emo compare`: trainings side by side, with differences that are told from chance by people."""

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


@dataclass(frozen=True)
class Difference:
    """How far the second of two runs is ahead, on the people whom both measured."""

    people: int
    "measured by both"
    accuracy: float | None
    "the second's minus the first's; None where they share nobody"
    interval: Interval | None
    "95 %, by resampling people; None where they are too few"
    same_images: bool
    "whether both measured as many images of each of them"
    lacking: str = ""
    "the run of which it is not known who was measured; empty where it is known of both"

    @property
    def verdict(self) -> str:
        """Whether the difference is more than chance, in words."""
        if self.lacking:
            return f"not known: the predictions of {self.lacking} are not here; `dvc fetch --all-commits`"
        if self.accuracy is None:
            return "nobody in common"
        points, note = self.accuracy * 100, "" if self.same_images else "; other images"
        if self.interval is None:
            few = f"{points:+.1f} points, too few people to tell ({self.people}; {FEWEST} or more)"
            return few + note
        low, high = self.interval.low * 100, self.interval.high * 100
        if low > 0:
            return f"better by {points:.1f} points ({low:.1f} to {high:.1f}){note}"
        if high < 0:
            return f"worse by {-points:.1f} points ({-high:.1f} to {-low:.1f}){note}"
        return f"no difference beyond chance ({low:+.1f} to {high:+.1f}){note}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "people": self.people,
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
    "of dataset, settings and code, from the first run to this one"
    difference: Difference | None
    "None for the first"

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
            str(len(self.run.people)) if self.run.people is not None else "",
            self.difference.verdict if self.difference else "",
        ]

    def _changes(self) -> str:
        diff = self.diff
        said = [f"{change.what}={change.after}" for change in diff.settings]
        said += [f"code of {listed(diff.code)}"] if diff.code else []
        said += ["other dataset"] if diff.changes_dataset else []
        return "; ".join(said)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        figures = {name: self.run.test.get(name) for name in ("loss", "accuracy", "macro_f1", "calibration")}
        return {
            "name": self.run.name,
            "commit": self.run.version.commit,
            "subjects": self.run.caveat or "people",
            "settings": {change.what: change.after for change in self.diff.settings},
            "code": list(self.diff.code),
            "other_dataset": self.diff.changes_dataset,
            "test": figures,
            "difference": self.difference.as_json() if self.difference else None,
        }


HEADER = [
    "run",
    "other than the first",
    "accuracy",
    "macro F1",
    "ECE",
    "people",
    "accuracy against the first",
]
"""Of `Compared.row`."""


def caveat(runs: Sequence[Compared]) -> str:
    """Return what stands below the table where subjects of a run are no people; empty where all are."""
    marks = {one.run.caveat: one.run.name for one in runs if one.run.caveat}
    return "; ".join(f"subjects of {name}: {told}" for told, name in marks.items())


def compare_runs(runs: Sequence[Run]) -> list[Compared]:
    """Return each run beside the first."""
    first = runs[0]
    return [
        Compared(
            run,
            compare_versions(first.version, run.version),
            None if run is first else _difference(first, run),
        )
        for run in runs
    ]


def _difference(first: Run, second: Run) -> Difference:
    if first.people is None or second.people is None:
        lacking = first if first.people is None else second
        return Difference(0, None, None, same_images=False, lacking=lacking.name)
    return difference(first.people, second.people)


def difference(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> Difference:
    """Return how far the second run is ahead; each maps test subjects to counts (k, k)."""
    both = sorted(first.keys() & second.keys())
    if not both:
        return Difference(0, None, None, same_images=False)
    one, other = (_hits_and_misses([people[name] for name in both]) for people in (first, second))
    ahead = float(accuracy(other.sum(0)) - accuracy(one.sum(0)))
    interval = accuracy_difference(one, other, _RESAMPLES, np.random.default_rng(_SEED))
    return Difference(len(both), ahead, interval, bool((one.sum((1, 2)) == other.sum((1, 2))).all()))


def _hits_and_misses(matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Return (people, 2, 2) counts of the same accuracy, whatever classes the matrices have."""
    hits, images = (np.array([measure(m) for m in matrices]) for measure in (np.trace, np.sum))
    counts = np.zeros((len(matrices), 2, 2), np.int64)
    counts[:, 0, 0], counts[:, 1, 0] = hits, images - hits
    return counts
