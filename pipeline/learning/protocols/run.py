"""`emo protocols`: the same recipe on the same images, measured as the study did and as it should be."""

import sys
from collections.abc import Sequence

from pipeline.learning.evaluation.measure import EvaluateParams
from pipeline.learning.model.device import choose_device
from pipeline.learning.protocols.folds import FoldFigures, FoldTask, read_figures, run_fold
from pipeline.learning.protocols.plan import Material, Request, Training, plan, read_material
from pipeline.learning.protocols.results import About, Fold, Outcome, outcome
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.executors import run_all, worker_count
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import FOLDS
from pipeline.runtime.progress import progress_bar


def run_protocols(request: Request) -> Outcome:
    """Run what is not finished of the request, and return the figures of all of it.

    A fold that was trained on the same images with the same settings and code is not trained again. Raises
    EmoError, after all other folds are finished, with a line for each reason why some cannot be trained.
    """
    evaluation, material = load_params("evaluate", EvaluateParams), read_material(request)
    trainings = plan(request, material)
    missing = [training for training in trainings if read_figures(training.task) is None]
    _check_homes(missing)
    print(
        f"protocols: {len(trainings)} trainings, {len(trainings) - len(missing)} of them done before",
        file=sys.stderr,
        flush=True,
    )
    _run(missing, material)
    folds = [_fold(training) for training in trainings]
    return outcome(about(request, material), folds, evaluation)


def about(request: Request, material: Material) -> About:
    """Return what the figures are of."""
    seeds = range(material.params.seed, material.params.seed + request.seeds)
    return About(
        images=len(material.faces.labels),
        subjects=tuple(sorted(name for names in material.split.values() for name in names)),
        caveat=material.caveat,
        classes=material.faces.classes,
        collapsed=material.collapsed,
        params=material.params,
        seeds=tuple(seeds),
    )


def _run(missing: Sequence[Training], material: Material) -> None:
    """Train the missing folds in several processes; those that finish are kept whatever comes after."""
    workers = processes(material.params.cpu_threads)
    if min(workers, len(missing)) > 1:
        material.faces.share()
    names = {training.task.home: training for training in missing}
    tasks = [training.task for training in names.values()]  # the same fold of two protocols is run once
    failures: dict[str, list[str]] = {}
    with progress_bar("protocols", len(tasks)) as advance:
        for task, error in run_all(run_fold, tasks, workers):
            advance()
            if isinstance(error, EmoError):
                failures.setdefault(str(error), []).append(_name(names[task.home]))
            elif error is not None:
                raise error
            elif not sys.stderr.isatty():
                print(_line(names[task.home], task), file=sys.stderr, flush=True)
    if failures:
        raise EmoError("\n       ".join(f"{_first(which)}: {told}" for told, which in failures.items()))


def _first(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _check_homes(missing: Sequence[Training]) -> None:
    """Raise EmoError where figures could not be written, before they are trained."""
    try:
        FOLDS.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmoError(
            f"{FOLDS}: no folder to keep figures in: {reason(error)}; remove what is there"
        ) from None
    if folders := [training.task.home for training in missing if training.task.home.is_dir()]:
        raise EmoError(f"{folders[0]}: is a folder, where a file of figures belongs; remove it")


def processes(cpu_threads: int) -> int:
    """Return how many trainings run at a time: one on a GPU, else one for each share of the processors."""
    return 1 if choose_device().type == "cuda" else max(1, worker_count() // cpu_threads)


def _fold(training: Training) -> Fold:
    return Fold(training.protocol, training.seed, training.task.partition.fold, _figures(training.task))


def _figures(task: FoldTask) -> FoldFigures:
    figures = read_figures(task)
    if figures is None:
        raise EmoError(f"{task.home}: gone again; run `emo protocols` once more")
    return figures


def _name(training: Training) -> str:
    return f"{training.protocol}, seed {training.seed}, fold {training.task.partition.fold}"


def _line(training: Training, task: FoldTask) -> str:
    sides = _figures(task).sides
    said = [f"{name} {side.matrix.trace() / side.matrix.sum():.1%}" for name, side in sides.items()]
    return f"{_name(training)}: {', '.join(said)}"
