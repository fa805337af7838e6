"""Where the tensors live: the CPU or a CUDA device, the same code on both."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

from pipeline.runtime.errors import EmoError

Item = TypeVar("Item")
Result = TypeVar("Result")


def choose_device() -> torch.device:
    """Return the device that `EMO_DEVICE` names; without it CUDA where there is one, else the CPU."""
    name = os.environ.get("EMO_DEVICE", "auto")
    if name not in ("auto", "cpu", "cuda"):
        raise EmoError(f"EMO_DEVICE: {name!r} is not one of auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EmoError("EMO_DEVICE: 'cuda', but PyTorch finds no CUDA device; unset EMO_DEVICE or use cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Fix PyTorch's global generators (start weights, dropout) and its CPU threads within the block.

    Threads belong to the result: sums over a batch are added up in another order by another number of
    threads, which changes the last bits of a gradient, and with them, in time, the weights.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)


def ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield function(item) of each item, in order, while a second thread already works on the next one.

    PyTorch lets go of the interpreter while it computes, so both threads run. All calls are made one
    after the other on that thread: a generator that only they use gives the same whatever the timing.
    An exception of a call is raised where its result would have come.
    """
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as helper:
        coming = None
        for item in items:
            ready, coming = coming, helper.submit(function, item)
            if ready:
                yield ready.result()
        if coming:
            yield coming.result()
