"""`emo protocols`: one recipe on the same images, measured by leaky and by subject-wise protocols."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.learning.evaluation.params import EvaluateParams
from pipeline.learning.model.device import choose_device
from pipeline.learning.protocols.folds import FoldCounts, FoldTask, read_counts, run_fold
from pipeline.learning.protocols.material import Material, read_material
from pipeline.learning.protocols.plan import PlannedTraining, ProtocolsRequest, plan
from pipeline.learning.protocols.results import About, FoldResult, ProtocolResults, results_of
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.executors import run_all, worker_count
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import FOLDS
from pipeline.runtime.progress import progress_bar
from pipeline.versions.withdrawn_meanwhile import kept_unless_withdrawn

logger = logging.getLogger("emo.protocols")


def run_protocols(request: ProtocolsRequest) -> ProtocolResults:
    """Run the unfinished trainings of a request and return all results.

    A fold is not trained again while its images, settings and code stay the same.

    Args:
        request: Protocols, seeds and epochs.

    Raises:
        EmoError: Some folds cannot be trained: one line per reason, after all others are finished.
        ConsentError: A subject withdraws meanwhile; the new folds, which count the subject, are removed.
    """
    with kept_unless_withdrawn("protocols") as written:
        return _measured(request, written)


def _measured(request: ProtocolsRequest, written: list[Path]) -> ProtocolResults:
    """Run the unfinished trainings and return all results; add the files of the new folds to `written`."""
    evaluation = load_params("evaluate", EvaluateParams)
    material = read_material(request.seeds, request.epochs)
    trainings = plan(request, material)
    missing = [training for training in trainings if read_counts(training.task) is None]
    paths = [training.task.path for training in missing]
    _check_cache(paths)
    finished = len(trainings) - len(missing)
    logger.info("protocols: %d trainings, %d of them finished before", len(trainings), finished)
    written += paths
    _run(missing, material)
    folds = [
        FoldResult(t.protocol, t.seed, t.task.partition.fold, _finished_counts(t.task)) for t in trainings
    ]
    return results_of(about(request, material), folds, evaluation)


def about(request: ProtocolsRequest, material: Material) -> About:
    """Return the description of the results."""
    seeds = range(material.params.seed, material.params.seed + request.seeds)
    return About(
        images=len(material.pool.labels),
        subjects=tuple(sorted(name for names in material.split.values() for name in names)),
        caveat=material.caveat,
        classes=material.pool.classes,
        collapsed=material.collapsed,
        params=material.params,
        seeds=tuple(seeds),
    )


def _run(missing: Sequence[PlannedTraining], material: Material) -> None:
    """Train the missing folds in several processes; finished folds are kept even if others fail."""
    workers = processes(material.params.cpu_threads)
    if min(workers, len(missing)) > 1:
        material.pool.share()
    names = {training.task.path: training for training in missing}
    tasks = [training.task for training in names.values()]  # a fold that two protocols share runs once
    failures: dict[str, list[str]] = {}
    with progress_bar("protocols", len(tasks)) as advance:
        for task, error in run_all(run_fold, tasks, workers):
            advance()
            if isinstance(error, EmoError):
                failures.setdefault(str(error), []).append(str(names[task.path]))
            elif error is not None:
                raise error
            elif not sys.stderr.isatty():
                logger.info("%s: %s", names[task.path], _accuracies(task))
    if failures:
        raise EmoError(*(f"{_first(folds)}: {message}" for message, folds in failures.items()))


def _first(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _check_cache(paths: Sequence[Path]) -> None:
    """Raise EmoError if results could not be written, before anything is trained."""
    try:
        FOLDS.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmoError(
            f"{FOLDS}: cannot be created: {reason(error)}; remove what blocks this folder of the cache"
        ) from None
    if folders := [path for path in paths if path.is_dir()]:
        raise EmoError(f"{folders[0]}: is a folder, not a file of results; remove it")


def processes(cpu_threads: int) -> int:
    """Return the number of concurrent trainings: one on a GPU, else one per `cpu_threads` processors."""
    return 1 if choose_device().type == "cuda" else max(1, worker_count() // cpu_threads)


def _finished_counts(task: FoldTask) -> FoldCounts:
    counts = read_counts(task)
    if counts is None:
        raise EmoError(f"{task.path}: removed or changed meanwhile; run `emo protocols` again")
    return counts


def _accuracies(task: FoldTask) -> str:
    sides = _finished_counts(task).sides
    return ", ".join(f"{name} {side.matrix.trace() / side.matrix.sum():.1%}" for name, side in sides.items())
