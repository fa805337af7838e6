"""Which trainings `emo protocols` needs."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.learning.protocols.folds import FoldTask, fold_key
from pipeline.learning.protocols.material import Material
from pipeline.learning.protocols.partitions import Partition
from pipeline.learning.protocols.registry import PROTOCOLS
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import DATASET, FOLDS
from pipeline.runtime.text import listed
from pipeline.schema.split import SPLITS

MOST_SEEDS = 100
"""Largest number of seeds: all trainings are planned in advance, 4,700 for 40 subjects."""


@dataclass(frozen=True)
class ProtocolsRequest:
    """What `emo protocols` is asked to run."""

    protocols: tuple[str, ...] = ()
    "Names of protocols; empty for all that `requested` returns."
    seeds: int = 3
    "Number of seeds, from that of params.yaml on."
    epochs: int | None = None
    "Largest number of epochs, over which the schedule is stretched; None for that of params.yaml."

    def __post_init__(self) -> None:
        for name in self.protocols:
            if name not in PROTOCOLS:
                raise EmoError(f"--protocol: {name!r} is not one of {listed(PROTOCOLS, 20)}")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise EmoError(f"--seeds: {self.seeds} is not within 1..{MOST_SEEDS}")


@dataclass(frozen=True)
class PlannedTraining:
    """One training of a plan."""

    protocol: str
    seed: int
    task: FoldTask

    def __str__(self) -> str:
        return f"{self.protocol}, seed {self.seed}, fold {self.task.partition.fold}"


def requested(request: ProtocolsRequest, material: Material) -> list[str]:
    """Return the protocols to run, in the order of the table.

    If subjects are images, a protocol with one training per subject runs only when it is named.
    """
    everything = [name for name, p in PROTOCOLS.items() if not (p.fold_per_subject and material.caveat)]
    return [name for name in PROTOCOLS if name in (request.protocols or everything)]


def plan(request: ProtocolsRequest, material: Material) -> list[PlannedTraining]:
    """Return the trainings of all requested protocols and seeds, in the order of the table.

    Raises EmoError if a side of a fold has no image.
    """
    digest = material.pool.digest()
    return [
        PlannedTraining(protocol, params.seed, _task(material, digest, fold, params))
        for protocol in requested(request, material)
        for params, folds in _folds(protocol, material, request.seeds)
        for fold in folds
    ]


def _folds(
    protocol: str, material: Material, seeds: int
) -> Iterator[tuple[TrainParams, Sequence[Partition]]]:
    """Yield the recipe with each seed, and its folds."""
    folds: Sequence[Partition] = []
    for number in range(seeds):
        params = dataclasses.replace(material.params, seed=material.params.seed + number)
        if not folds or PROTOCOLS[protocol].uses_seed:
            folds = PROTOCOLS[protocol].divide(material, params.seed)
            _check_sides(protocol, folds)
        yield params, folds


def _check_sides(protocol: str, folds: Sequence[Partition]) -> None:
    for fold in folds:
        if empty := [side for side in SPLITS if not len(getattr(fold, side))]:
            raise EmoError(
                f"{DATASET}: too few images for {protocol}: none is left for {empty[0]}; enrol more clips"
            )


def _task(material: Material, digest: str, fold: Partition, params: TrainParams) -> FoldTask:
    path = FOLDS / f"{fold_key(digest, fold, params)}.json"
    return FoldTask(material.pool, fold, params, path)
