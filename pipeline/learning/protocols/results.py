"""The results of the protocols side by side: metrics, their spread, and the inflation by the leak."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.learning.evaluation import metrics
from pipeline.learning.evaluation.metrics import Interval
from pipeline.learning.evaluation.params import EvaluateParams
from pipeline.learning.protocols.folds import FoldCounts, SideCounts
from pipeline.learning.protocols.registry import LEAKY, PROTOCOLS
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.text import TextTable
from pipeline.schema.protocols import FoldRow
from pipeline.schema.split import SPLITS, TEST


@dataclass(frozen=True)
class About:
    """What the results are about: images, subjects, recipe and seeds."""

    images: int
    "Number of images."
    subjects: tuple[str, ...]
    caveat: str
    "Caveat of all metrics if some subjects are images; else empty."
    classes: tuple[str, ...]
    collapsed: bool | None
    "Whether near-duplicates were collapsed (dedup.collapse); None if not known."
    params: TrainParams
    "The recipe, with the first seed."
    seeds: tuple[int, ...]

    @property
    def title(self) -> str:
        """Title of table and figure: one line, and a second one with the caveat."""
        state = {True: "collapsed", False: "kept", None: "not known"}[self.collapsed]
        seeds = f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}"
        title = (
            f"{self.images:,} images of {len(self.subjects):,} subjects, near-duplicates {state}, "
            f"recipe {self.params.recipe}, {seeds}"
        )
        return f"{title}\nSubjects: {self.caveat}" if self.caveat else title

    def as_json(self) -> dict[str, Any]:
        """Return plain values; the recipe's settings are under its name, as in params.yaml."""
        values = dataclasses.asdict(self)
        params = values["params"]
        params[self.params.recipe] = params.pop("chosen")
        return values


@dataclass(frozen=True)
class FoldResult:
    """One finished training of a protocol."""

    protocol: str
    seed: int
    fold: str
    counts: FoldCounts


@dataclass(frozen=True)
class SideMetrics:
    """The metrics of a protocol on one side, over all its folds; means over the seeds."""

    loss: float
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Spread:
    """The spread of the accuracy on the test."""

    deviation: float | None
    "Standard deviation; None of a single value."
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of some values."""
        deviation = round(statistics.stdev(values), 6) if len(values) > 1 else None
        return cls(deviation, round(min(values), 6), round(max(values), 6))

    def __str__(self) -> str:
        return "" if self.deviation is None else f"{self.lowest * 100:.1f}-{self.highest * 100:.1f}"


@dataclass(frozen=True)
class ProtocolResult:
    """The results of one protocol."""

    name: str
    trainings: int
    "Number of trainings: folds times seeds."
    sides: dict[str, SideMetrics]
    "Metrics of train, validation and test."
    seeds: dict[int, float]
    "Accuracy on the test by seed."
    subjects: dict[str, float]
    "Accuracy by test subject, over all seeds."
    confusion: list[list[int]]
    "Confusion matrix of the test over all folds and seeds: rows actual, columns predicted classes."
    interval: Interval | None
    "95 % interval of the accuracy on the test, by resampling subjects; None for too few subjects."
    inflation: float | None = None
    "Accuracy of the leaky protocol on the test minus this one's; None if not compared (see `results_of`)."
    inflation_interval: Interval | None = None
    "95 % interval, by resampling subjects; None for too few subjects, or if the test subjects differ."

    @property
    def over_seeds(self) -> Spread:
        """Spread of the accuracy over seeds."""
        return Spread.of(list(self.seeds.values()))

    @property
    def over_subjects(self) -> Spread:
        """Spread of the accuracy over subjects."""
        return Spread.of(list(self.subjects.values()))

    def row(self) -> list[str]:
        """Return the row of the table."""
        accuracies = [f"{self.sides[side].accuracy:.2%}" for side in SPLITS]
        spreads = [f"{self.over_seeds}", f"{self.over_subjects} ({len(self.subjects)})".strip()]
        f1 = f"{self.sides[TEST].macro_f1:.3f}"
        return [self.name, str(self.trainings), *accuracies, *spreads, f1, self._inflation()]

    def _inflation(self) -> str:
        if self.inflation is None:
            return ""
        limits = self.inflation_interval
        interval = f" ({limits.low * 100:.1f} to {limits.high * 100:.1f})" if limits else ""
        return f"{self.inflation * 100:+.1f}{interval}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "trainings": self.trainings,
            **{side: dataclasses.asdict(found) for side, found in self.sides.items()},
            "interval_95": _rounded(self.interval),
            "by_seed": {str(seed): accuracy for seed, accuracy in self.seeds.items()},
            "over_seeds": dataclasses.asdict(self.over_seeds),
            "by_subject": self.subjects,
            "confusion": self.confusion,
            "over_subjects": dataclasses.asdict(self.over_subjects),
            "inflation": self.inflation,
            "inflation_interval_95": _rounded(self.inflation_interval),
        }


@dataclass(frozen=True)
class ProtocolResults:
    """The results of `emo protocols`."""

    about: About
    protocols: tuple[ProtocolResult, ...]
    folds: tuple[FoldResult, ...]

    def table(self) -> TextTable:
        """Return title, header and rows: accuracies in per cent, inflation in percentage points."""
        header = ["protocol", "trainings", "train", "validation", "test"]
        header += ["test, by seed", "by subject (tested)", "macro F1", "inflation"]
        return f"Protocols: {self.about.title}", header, [protocol.row() for protocol in self.protocols]

    def as_json(self) -> dict[str, Any]:
        """Return the content of reports/protocols.json."""
        return {"about": self.about.as_json(), "protocols": {p.name: p.as_json() for p in self.protocols}}


def fold_row(result: FoldResult) -> FoldRow:
    """Return a training as a row of reports/protocols.csv."""
    matrices = {name: side.matrix for name, side in result.counts.sides.items()}
    columns: dict[str, Any] = {}
    for name, side in result.counts.sides.items():
        columns[f"{name}_images"] = int(matrices[name].sum())
        columns[f"{name}_loss"] = side.loss
        columns[f"{name}_accuracy"] = round(float(metrics.accuracy(matrices[name])), 6)
    return FoldRow(
        protocol=result.protocol,
        seed=result.seed,
        fold=result.fold,
        epochs=result.counts.epochs,
        best_epoch=result.counts.best_epoch,
        test_macro_f1=round(float(metrics.macro_f1(matrices[TEST])), 6),
        **columns,
    )


def results_of(about: About, folds: Sequence[FoldResult], params: EvaluateParams) -> ProtocolResults:
    """Return the results of each protocol, with the inflation by the leak.

    The inflation is computed for all protocols but the leaky one, if that one was run. If subjects are images
    there is none, because the other protocols may then have a person on both sides, too.
    """
    by_protocol = {name: [fold for fold in folds if fold.protocol == name] for name in PROTOCOLS}
    results = {name: _result(name, found, params) for name, found in by_protocol.items() if found}
    if LEAKY in results and not about.caveat:
        leaky, leaky_folds = results.pop(LEAKY), by_protocol[LEAKY]
        compared = [
            _with_inflation(r, by_protocol[r.name], leaky, leaky_folds, params) for r in results.values()
        ]
        return ProtocolResults(about, (leaky, *compared), tuple(folds))
    return ProtocolResults(about, tuple(results.values()), tuple(folds))


def _result(name: str, folds: Sequence[FoldResult], params: EvaluateParams) -> ProtocolResult:
    seeds = sorted({fold.seed for fold in folds})
    sides = {side: {seed: _pooled(_counts(folds, side, seed)) for seed in seeds} for side in SPLITS}
    confusions = confusions_by_subject(folds)
    generator = np.random.default_rng(params.seed)
    cohorts = metrics.resampled_subjects(np.stack(list(confusions.values())), params.resamples, generator)
    return ProtocolResult(
        name=name,
        trainings=len(folds),
        sides={side: _mean(found.values()) for side, found in sides.items()},
        seeds={seed: round(found.accuracy, 6) for seed, found in sides[TEST].items()},
        subjects={s: round(float(metrics.accuracy(matrix)), 6) for s, matrix in confusions.items()},
        confusion=np.sum(list(confusions.values()), axis=0).tolist(),
        interval=metrics.interval(metrics.accuracy(cohorts), len(confusions)),
    )


def _with_inflation(
    result: ProtocolResult,
    folds: Sequence[FoldResult],
    leaky: ProtocolResult,
    leaky_folds: Sequence[FoldResult],
    params: EvaluateParams,
) -> ProtocolResult:
    """Add the difference in accuracy between the leaky protocol and this one."""
    own, other = confusions_by_subject(folds), confusions_by_subject(leaky_folds)
    interval = None
    if own.keys() == other.keys():
        generator = np.random.default_rng(params.seed)
        first, second = (np.stack(list(found.values())) for found in (own, other))
        interval = metrics.accuracy_difference(first, second, params.resamples, generator)
    difference = leaky.sides[TEST].accuracy - result.sides[TEST].accuracy
    return dataclasses.replace(result, inflation=round(difference, 6), inflation_interval=interval)


def confusions_by_subject(folds: Iterable[FoldResult]) -> dict[str, np.ndarray]:
    """Return the confusion matrix of each test subject, over all folds and seeds."""
    found: dict[str, np.ndarray] = {}
    for fold in folds:
        for subject, matrix in fold.counts.sides[TEST].confusions.items():
            found[subject] = found.get(subject, 0) + np.array(matrix)
    return dict(sorted(found.items()))


def _counts(folds: Iterable[FoldResult], side: str, seed: int) -> list[SideCounts]:
    return [fold.counts.sides[side] for fold in folds if fold.seed == seed]


def _pooled(sides: Sequence[SideCounts]) -> SideMetrics:
    """Return the metrics over several folds; an image counts once for each fold that measured it."""
    matrices = [side.matrix for side in sides]
    images = [int(matrix.sum()) for matrix in matrices]
    loss = sum(side.loss * n for side, n in zip(sides, images, strict=True)) / sum(images)
    total = np.sum(matrices, axis=0)
    return SideMetrics(loss, float(metrics.accuracy(total)), float(metrics.macro_f1(total)))


def _mean(found: Iterable[SideMetrics]) -> SideMetrics:
    columns = zip(*map(dataclasses.astuple, found), strict=True)
    return SideMetrics(*(round(statistics.mean(column), 6) for column in columns))


def _rounded(interval: Interval | None) -> dict[str, float] | None:
    return {"low": round(interval.low, 6), "high": round(interval.high, 6)} if interval else None
