"""What the protocols reach, side by side: figures, their spread, and how far the leak inflates them."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.learning.evaluation import metrics
from pipeline.learning.evaluation.measure import EvaluateParams
from pipeline.learning.evaluation.metrics import Interval
from pipeline.learning.protocols.folds import FoldFigures, Side
from pipeline.learning.protocols.plan import FRAME_RANDOM, PROTOCOLS
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.text import TextTable
from pipeline.schema.protocols import FoldRow
from pipeline.schema.split import SPLITS


@dataclass(frozen=True)
class About:
    """What the figures are of."""

    images: int
    subjects: tuple[str, ...]
    caveat: str
    "what stands beside every figure where subjects are no people; empty where all are"
    classes: tuple[str, ...]
    collapsed: bool | None
    "whether near-duplicates were collapsed (dedup.collapse); None: not known"
    params: TrainParams
    "the recipe, with the first seed"
    seeds: tuple[int, ...]

    @property
    def title(self) -> str:
        """What stands above table and picture: a line, and a second where subjects are no people."""
        words = {True: "near-duplicates collapsed", False: "near-duplicates kept"}
        duplicates = words.get(self.collapsed, "near-duplicates: not known")  # type: ignore[arg-type]
        told = (
            f"{self.images:,} images of {len(self.subjects):,} {self.kind}, {duplicates}, recipe "
            f"{self.params.recipe}, seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}"
        )
        return f"{told}\nSubjects: {self.caveat}" if self.caveat else told

    @property
    def kind(self) -> str:
        """What the subjects are called."""
        return "subjects" if self.caveat else "people"


@dataclass(frozen=True)
class Fold:
    """One training of a protocol, with what became of it."""

    protocol: str
    seed: int
    name: str
    figures: FoldFigures


@dataclass(frozen=True)
class Figures:
    """What a protocol reaches on one side, of all its folds together; means over the seeds."""

    loss: float
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Spread:
    """How much the accuracy on the test differs."""

    deviation: float | None
    "standard deviation; None of a single value"
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
class Protocol:
    """What one protocol reaches."""

    name: str
    trainings: int
    sides: dict[str, Figures]
    "train, validation and test"
    seeds: dict[int, float]
    "seed -> accuracy on the test"
    subjects: dict[str, float]
    "tested subject -> accuracy, of all seeds together"
    confusion: list[list[int]]
    "rows: actual classes, columns: predicted ones; images of the test, of all folds and seeds together"
    interval: Interval | None
    "95 %, of the accuracy on the test, by resampling subjects; None of fewer than `metrics.FEWEST`"
    inflation: float | None = None
    "accuracy on the test of the frame-random split minus this one's; None: see `outcome`"
    inflation_interval: Interval | None = None
    "95 %, by resampling subjects; None where not everybody was tested, or too few people are there"

    @property
    def over_seeds(self) -> Spread:
        """How much the accuracy differs from seed to seed."""
        return Spread.of(list(self.seeds.values()))

    @property
    def over_subjects(self) -> Spread:
        """How much the accuracy differs from person to person."""
        return Spread.of(list(self.subjects.values()))

    def row(self) -> list[str]:
        """Return the row of the table."""
        accuracies = [f"{self.sides[side].accuracy:.2%}" for side in SPLITS]
        spreads = [f"{self.over_seeds}", f"{self.over_subjects} ({len(self.subjects)})".strip()]
        f1 = f"{self.sides['test'].macro_f1:.3f}"
        return [self.name, str(self.trainings), *accuracies, *spreads, f1, self._inflation()]

    def _inflation(self) -> str:
        if self.inflation is None:
            return ""
        limits = self.inflation_interval
        reach = f" ({limits.low * 100:.1f} to {limits.high * 100:.1f})" if limits else ""
        return f"{self.inflation * 100:+.1f}{reach}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "trainings": self.trainings,
            **{side: dataclasses.asdict(figures) for side, figures in self.sides.items()},
            "interval_95": _plain(self.interval),
            "by_seed": {str(seed): accuracy for seed, accuracy in self.seeds.items()},
            "over_seeds": dataclasses.asdict(self.over_seeds),
            "by_subject": self.subjects,
            "confusion": self.confusion,
            "over_subjects": dataclasses.asdict(self.over_subjects),
            "inflation": self.inflation,
            "inflation_interval_95": _plain(self.inflation_interval),
        }


@dataclass(frozen=True)
class Outcome:
    """What `emo protocols` shows."""

    about: About
    protocols: tuple[Protocol, ...]
    folds: tuple[Fold, ...]

    def table(self) -> TextTable:
        """Return (title, header, rows); accuracies in per cent, inflation in points."""
        header = ["protocol", "trainings", "train", "validation", "test"]
        one = "subject" if self.about.caveat else "person"
        header += ["test, by seed", f"by {one} (tested)", "macro F1", "inflation"]
        return f"Protocols: {self.about.title}", header, [protocol.row() for protocol in self.protocols]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        about = dataclasses.asdict(self.about)
        return {"about": about, "protocols": {p.name: p.as_json() for p in self.protocols}}


def fold_row(fold: Fold) -> FoldRow:
    """Return a training as a row of the table."""
    matrices = {name: side.matrix for name, side in fold.figures.sides.items()}
    figures: dict[str, Any] = {}
    for name, side in fold.figures.sides.items():
        figures[f"{name}_images"] = int(matrices[name].sum())
        figures[f"{name}_loss"] = side.loss
        figures[f"{name}_accuracy"] = round(float(metrics.accuracy(matrices[name])), 6)
    return FoldRow(
        protocol=fold.protocol,
        seed=fold.seed,
        fold=fold.name,
        epochs=fold.figures.epochs,
        best_epoch=fold.figures.best_epoch,
        test_macro_f1=round(float(metrics.macro_f1(matrices["test"])), 6),
        **figures,
    )


def outcome(about: About, folds: Sequence[Fold], params: EvaluateParams) -> Outcome:
    """Return what each protocol reaches, and how far the frame-random one lies above it.

    That is told of every protocol but itself, where it was asked for. Where subjects are images nothing
    tells it: the fair protocols may have one person on both sides, too.
    """
    by_protocol = {name: [fold for fold in folds if fold.protocol == name] for name in PROTOCOLS}
    found = [_protocol(name, those, params) for name, those in by_protocol.items() if those]
    if found[0].name == FRAME_RANDOM and not about.caveat:
        leaky = by_protocol[FRAME_RANDOM]
        fair = [_inflated(p, found[0], leaky, by_protocol[p.name], params) for p in found[1:]]
        found = [found[0], *fair]
    return Outcome(about, tuple(found), tuple(folds))


def _protocol(name: str, folds: Sequence[Fold], params: EvaluateParams) -> Protocol:
    seeds = sorted({fold.seed for fold in folds})
    sides = {side: {seed: _pooled(_sides(folds, side, seed)) for seed in seeds} for side in SPLITS}
    people = by_subject(folds)
    generator = np.random.default_rng(params.seed)
    cohorts = metrics.resampled_subjects(np.stack(list(people.values())), params.resamples, generator)
    return Protocol(
        name=name,
        trainings=len(folds),
        sides={side: _mean(figures.values()) for side, figures in sides.items()},
        seeds={seed: round(figures.accuracy, 6) for seed, figures in sides["test"].items()},
        subjects={subject: _accuracy(matrix) for subject, matrix in people.items()},
        confusion=np.sum(list(people.values()), axis=0).tolist(),
        interval=metrics.interval(metrics.accuracy(cohorts), len(people)),
    )


def _inflated(
    protocol: Protocol,
    leaky: Protocol,
    leaky_folds: Sequence[Fold],
    folds: Sequence[Fold],
    params: EvaluateParams,
) -> Protocol:
    """Add by how much the frame-random split inflates a protocol's accuracy on the test."""
    one, other = by_subject(folds), by_subject(leaky_folds)
    interval = None
    if one.keys() == other.keys():
        generator = np.random.default_rng(params.seed)
        first, second = (np.stack(list(people.values())) for people in (one, other))
        interval = metrics.accuracy_difference(first, second, params.resamples, generator)
    difference = leaky.sides["test"].accuracy - protocol.sides["test"].accuracy
    return dataclasses.replace(protocol, inflation=round(difference, 6), inflation_interval=interval)


def by_subject(folds: Iterable[Fold]) -> dict[str, np.ndarray]:
    """Return the confusion matrices of the tested subjects, of all folds and seeds together."""
    found: dict[str, np.ndarray] = {}
    for fold in folds:
        for subject, matrix in fold.figures.sides["test"].confusions.items():
            found[subject] = found.get(subject, 0) + np.array(matrix)
    return dict(sorted(found.items()))


def _sides(folds: Iterable[Fold], side: str, seed: int) -> list[Side]:
    return [fold.figures.sides[side] for fold in folds if fold.seed == seed]


def _pooled(sides: Sequence[Side]) -> Figures:
    """Return the figures of some folds together, each image counting once for each time it was measured."""
    matrices = [side.matrix for side in sides]
    images = [int(matrix.sum()) for matrix in matrices]
    loss = sum(side.loss * n for side, n in zip(sides, images, strict=True)) / sum(images)
    together = np.sum(matrices, axis=0)
    return Figures(loss, float(metrics.accuracy(together)), float(metrics.macro_f1(together)))


def _mean(figures: Iterable[Figures]) -> Figures:
    columns = zip(*map(dataclasses.astuple, figures), strict=True)
    return Figures(*(round(statistics.mean(column), 6) for column in columns))


def _accuracy(matrix: np.ndarray) -> float:
    return round(float(metrics.accuracy(matrix)), 6)


def _plain(interval: Interval | None) -> dict[str, float] | None:
    return {"low": round(interval.low, 6), "high": round(interval.high, 6)} if interval else None
