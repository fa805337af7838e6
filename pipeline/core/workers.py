"""Where the work runs: in this process or in several, decided by the machine and the environment.

Never by params.yaml: another machine must rerun nothing.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from pipeline.core.errors import EmoError

Task = TypeVar("Task")

WORKERS = "EMO_WORKERS"


def worker_count() -> int:
    """Return EMO_WORKERS, or the number of processors this process may use."""
    text = os.environ.get(WORKERS, "")
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise EmoError(f"environment: {WORKERS}: {text!r} is not a whole number of 1 or more")
    return int(text)


def run_all(
    function: Callable[[Task], None], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, BaseException | None]]:
    """Run `function` on every task; yield each task with what it raised, as they finish.

    One task's failure stops no other. Where a worker process is killed (out of memory), the tasks that
    were under way are run again one at a time, so that the one that kills its worker is known by name.
    """
    if min(workers, len(tasks)) <= 1:
        for task in tasks:
            yield task, _outcome(lambda task=task: function(task))
        return
    broken: list[Task] = []
    for task, error in _run_in(process_pool(min(workers, len(tasks))), function, tasks):
        if isinstance(error, BrokenProcessPool):
            broken.append(task)
        else:
            yield task, error
    for task in broken:
        yield from _run_in(process_pool(1), function, [task])


def process_pool(workers: int) -> Executor:
    """Return an executor of `workers` fresh processes; they end when this process does."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


def _run_in(
    executor: Executor, function: Callable[[Task], None], tasks: Sequence[Task]
) -> Iterator[tuple[Task, BaseException | None]]:
    try:
        futures: dict[Future[None], Task] = {executor.submit(function, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], _outcome(future.result)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _outcome(call: Callable[[], Any]) -> BaseException | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - reported by the caller with the task's name
        return error
    return None


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
