"""Limits of a worker process: its memory, and the time in which it makes no progress.

The parent watches and kills. A limit of the operating system (RLIMIT_AS, RLIMIT_DATA) would also count what
PyTorch and OpenCV only reserve, and beyond it decoders report damage that is not there, and that is cached;
a thread of the worker could not run while a library in a loop holds Python's lock.
"""

import contextlib
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pipeline.runtime.errors import EmoError

Task = TypeVar("Task")

MEMORY, STALL = "EMO_WORKER_MB", "EMO_STALL_S"
"""Environment variables: memory of a worker, MB; time without progress, seconds."""

_SHARE = 0.75
"""Share of the machine's memory that all workers together may use."""

_SMALLEST_MB = 1024
_STALL_S = 300.0

_FIELDS = 3
"""Values of a worker on the board: its process id, its task, the time of its last progress."""


class WorkerStoppedError(EmoError):
    """A worker exceeded a limit and was stopped; the message is the reason."""


class BoardEntry(NamedTuple):
    """What one worker does."""

    pid: int
    task: int
    "Number of its task, from 1."
    progress_s: float
    "Time of its last progress, seconds of the monotonic clock."


class Board:
    """Shared memory in which the workers of a pool report their task and their progress."""

    _own: Any = None
    "The part of the board that belongs to this process, if it is a worker."

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.shared = context.Array("d", 1 + _FIELDS * workers)
        "Number of workers that joined, then `_FIELDS` values of each."

    @classmethod
    def join(cls, shared: Any) -> None:
        """Take the next free part of the board for this process."""
        with shared.get_lock():
            place = 1 + _FIELDS * int(shared[0])
            shared[0] += 1
        if place + _FIELDS <= len(shared):
            cls._own = (shared.get_obj(), place)

    @classmethod
    def report(cls, task: int) -> None:
        """Record that this process starts a task; 0 if it has none."""
        if cls._own:
            values, place = cls._own
            values[place : place + _FIELDS] = [os.getpid(), task, time.monotonic()]

    def entries(self) -> Iterator[BoardEntry]:
        """Yield what the workers do that have a task."""
        values = list(self.shared.get_obj())
        for place in range(1, len(values), _FIELDS):
            pid, task, progress_s = values[place : place + _FIELDS]
            if task:
                yield BoardEntry(int(pid), int(task), progress_s)


def progress() -> None:
    """Record that this process makes progress; call it for each packet, frame or image. It takes 0.2 us."""
    if Board._own:
        values, place = Board._own
        values[place + 2] = time.monotonic()


def report_to(number: int, function: Callable[[Task], None], task: Task) -> None:
    """Run a function on a task in a worker, which reports it by its number."""
    Board.report(number)
    try:
        function(task)
    finally:
        Board.report(0)


@dataclass(frozen=True)
class Limits:
    """The limits of each worker."""

    memory_mb: float
    "Resident memory, MB; not checked on systems without /proc."
    stall_s: float
    "Time without progress, seconds."

    @classmethod
    def from_environment(cls, workers: int) -> "Limits":
        """Return the limits in the environment, else those that fit the machine; or raise EmoError."""
        fitting = max(_SMALLEST_MB, _SHARE * _machine_mb() / workers)
        return cls(_number(MEMORY, fitting), _number(STALL, _STALL_S))

    def exceeded(self, entry: BoardEntry) -> str:
        """Return which limit a worker exceeds, and the remedy; empty if none."""
        if (used := resident_mb(entry.pid)) > self.memory_mb:
            return (
                f"needs more than the {self.memory_mb:,.0f} MB of memory that a worker may use ({used:,.0f} "
                f"MB); replace it, or set {MEMORY} to a larger number"
            )
        if time.monotonic() - entry.progress_s > self.stall_s:
            return f"no progress for {self.stall_s:g} s; replace it, or set {STALL} to more seconds"
        return ""


UNLIMITED = Limits(math.inf, math.inf)


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, MB; 0 if it has ended or the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return 0.0


def _machine_mb() -> float:
    """Return the memory of this machine, or of the container it runs in, MB."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6
        with contextlib.suppress(OSError, ValueError):
            limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")
            total = min(total, int(limit) / 1e6)
        return total
    return 0.0


def _number(name: str, usual: float) -> float:
    text = os.environ.get(name, "")
    if not text:
        return usual
    if not text.isdecimal() or int(text) < 1:
        raise EmoError(f"environment: {name}: {text!r} is not a whole number of 1 or more")
    return float(text)
