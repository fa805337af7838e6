"""Runs work in this process or in several, depending on the machine and the environment.

The number of processes is not in params.yaml, so that stages need no rerun on another machine.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import connection
from typing import Any, TypeVar

from pipeline.runtime.errors import EmoError

Task = TypeVar("Task")

WORKERS = "EMO_WORKERS"
_AHEAD = 2
"""Tasks submitted per worker: the next is ready when one ends, and few are running if a worker is killed."""


def worker_count() -> int:
    """Return EMO_WORKERS, or the number of processors this process may use."""
    text = os.environ.get(WORKERS, "")
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise EmoError(f"environment: {WORKERS}: {text!r} is not a whole number of 1 or more")
    return int(text)


def run_all(
    function: Callable[[Task], None], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, BaseException | None]]:
    """Run `function` on every task; yield each task, as it finishes, with the exception that it raised.

    A failed task does not stop the others. If a worker process is killed (out of memory), the tasks that were
    running are rerun one at a time, to identify the one that kills its worker.
    """
    if min(workers, len(tasks)) <= 1:
        for task in tasks:
            yield task, _outcome(partial(function, task))
        return
    waiting = deque(tasks)
    while waiting:
        suspects: list[Task] = []
        for task, error in _run_in(min(workers, len(waiting)), function, waiting):
            if isinstance(error, BrokenExecutor):
                suspects.append(task)
            else:
                yield task, error
        for task in suspects:
            yield from _run_in(1, function, deque([task]))


def process_pool(workers: int) -> Executor:
    """Return an executor of `workers` fresh processes; they end when this process does."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


def _run_in(
    workers: int, function: Callable[[Task], None], waiting: deque[Task]
) -> Iterator[tuple[Task, BaseException | None]]:
    """Run the waiting tasks in a fresh pool until none is left or one of its workers is killed.

    Only a few more tasks than workers are submitted, so that few are running if a worker is killed.
    """
    executor = process_pool(workers)
    under_way: dict[Future[None], Task] = {}
    try:
        while waiting or under_way:
            try:
                while waiting and len(under_way) < _AHEAD * workers:
                    under_way[executor.submit(function, waiting[0])] = waiting[0]
                    waiting.popleft()
            except BrokenExecutor:  # a worker was just killed; the running tasks will raise
                if not under_way:
                    return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            results = [(under_way.pop(future), _outcome(future.result)) for future in done]
            yield from results
            if any(isinstance(error, BrokenExecutor) for _, error in results):
                yield from ((task, _outcome(future.result)) for future, task in under_way.items())
                return
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _outcome(call: Callable[[], Any]) -> BaseException | None:
    try:
        call()
    except Exception as error:  # reported by the caller with the task's name
        return error
    return None


def _start_worker() -> None:
    """Ignore Ctrl-C, which the parent handles; exit when the parent ends, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
