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
from itertools import count
from multiprocessing import connection
from typing import Any, TypeVar

from pipeline.runtime.errors import EmoError
from pipeline.runtime.worker_limits import UNLIMITED, Board, Limits, WorkerStoppedError, report_to

Task = TypeVar("Task")
Results = Iterator[tuple[Task, BaseException | None]]

WORKERS = "EMO_WORKERS"
_AHEAD = 2
"""Tasks submitted per worker: the next is ready when one ends, and few are running if a worker is killed."""

_CHECK_S = 0.25
"""Time between two checks of the limits of the workers."""


def worker_count() -> int:
    """Return EMO_WORKERS, or the number of processors this process may use."""
    text = os.environ.get(WORKERS, "")
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise EmoError(f"environment: {WORKERS}: {text!r} is not a whole number of 1 or more")
    return int(text)


def run_all(
    function: Callable[[Task], None], tasks: Sequence[Task], workers: int, *, limited: bool = False
) -> Results[Task]:
    """Run `function` on every task; yield each task, as it finishes, with the exception that it raised.

    A failed task does not stop the others. If a worker process is killed (out of memory), the tasks that were
    running are rerun one at a time, to identify the one that kills its worker.

    Args:
        function: A function of a module, not a lambda. If it is limited, it must call `progress`.
        tasks: Its arguments.
        workers: Number of processes; with 1, the work is done in this process, without limits.
        limited: Whether a worker that exceeds the limits of `worker_limits` is stopped, so that its task
            raises WorkerStoppedError; otherwise a single task is run in this process.
    """
    if workers <= 1 or (len(tasks) <= 1 and not limited):
        for task in tasks:
            yield task, _outcome(partial(function, task))
        return
    limits, waiting = Limits.from_environment(workers) if limited else UNLIMITED, deque(tasks)
    while waiting:
        suspects: list[Task] = []
        for task, error in _Pool(min(workers, len(waiting)), function, limits).run(waiting):
            if isinstance(error, BrokenExecutor):
                suspects.append(task)
            else:
                yield task, error
        for task in suspects:
            yield from _Pool(1, function, limits).run(deque([task]))


def process_pool(workers: int, board: Board | None = None) -> Executor:
    """Return an executor of `workers` fresh processes; they end when this process does.

    The workers report what they do to `board`, if there is one.
    """
    context = multiprocessing.get_context("spawn")
    shared = board.shared if board else None
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(shared,))


class _Pool:
    """Runs tasks in fresh processes until none is left or one of the processes is killed."""

    def __init__(self, workers: int, function: Callable[[Any], None], limits: Limits) -> None:
        self._workers, self._function, self._limits = workers, function, limits
        self._board = Board(workers)
        self._stopped: dict[int, WorkerStoppedError] = {}
        "Number of a task -> why its worker was stopped."

    def run(self, waiting: deque[Any]) -> Results[Any]:
        """Run the waiting tasks; only a few more than workers are submitted.

        So few tasks are running if a worker is killed. The others stay in `waiting`.
        """
        executor, numbers = process_pool(self._workers, self._board), count(1)
        under_way: dict[Future[None], tuple[int, Any]] = {}
        try:
            while waiting or under_way:
                self._submit(executor, waiting, under_way, numbers)
                if not under_way:
                    return
                done, _ = wait(under_way, timeout=_CHECK_S, return_when=FIRST_COMPLETED)
                self._stop_workers()
                results = [(*under_way.pop(future), _outcome(future.result)) for future in done]
                yield from self._named(results)
                if any(isinstance(error, BrokenExecutor) for *_, error in results):
                    rest = ((*numbered, _outcome(future.result)) for future, numbered in under_way.items())
                    yield from self._named(rest)
                    return
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def _submit(
        self,
        executor: Executor,
        waiting: deque[Any],
        under_way: dict[Future[None], tuple[int, Any]],
        numbers: Iterator[int],
    ) -> None:
        try:
            while waiting and len(under_way) < _AHEAD * self._workers:
                number = next(numbers)
                future = executor.submit(report_to, number, self._function, waiting[0])
                under_way[future] = number, waiting.popleft()
        except BrokenExecutor:  # a worker was just killed; the running tasks will raise
            return

    def _stop_workers(self) -> None:
        """Kill the workers that exceed a limit; remember why, by task."""
        for entry in self._board.entries():
            if entry.task not in self._stopped and (why := self._limits.exceeded(entry)):
                self._stopped[entry.task] = WorkerStoppedError(why)
                os.kill(entry.pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _named(self, results: Any) -> Results[Any]:
        """Yield tasks with their errors; a task whose worker was stopped gets the reason."""
        for number, task, error in results:
            is_broken = isinstance(error, BrokenExecutor)
            yield task, self._stopped.get(number, error) if is_broken else error


def _outcome(call: Callable[[], Any]) -> BaseException | None:
    try:
        call()
    except Exception as error:  # reported by the caller with the task's name
        return error
    return None


def _start_worker(shared: Any) -> None:
    """Ignore Ctrl-C, which the parent handles; exit when the parent ends, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if shared is not None:
        Board.join(shared)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
