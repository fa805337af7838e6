"""The device of the tensors (CPU or CUDA), reproducible random numbers, and a second thread."""

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
    """Return the device of the variable EMO_DEVICE (auto, cpu or cuda); auto is CUDA if available.

    Raises EmoError if the value is another one, or if it is cuda and PyTorch finds no CUDA device.
    """
    name = os.environ.get("EMO_DEVICE", "auto")
    if name not in ("auto", "cpu", "cuda"):
        raise EmoError(f"environment: EMO_DEVICE: {name!r} is not one of auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EmoError(
            "environment: EMO_DEVICE: 'cuda', but PyTorch finds no CUDA device; unset EMO_DEVICE or use cpu"
        )
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seed PyTorch's global generators (initial weights, dropout) and set its CPU threads within the block.

    The number of threads affects the result: it changes the order in which sums over a batch are computed,
    hence the last bits of the gradients and, over many steps, the weights.
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
    """Yield function(item) for each item, in order, while a second thread already computes the next one.

    PyTorch releases the interpreter lock while it computes, so both threads run. All calls are made in order
    on the second thread, so a random generator that only they use gives the same values whatever the timing.
    An exception of a call is raised in place of its result.
    """
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as executor:
        following = None
        for item in items:
            current, following = following, executor.submit(function, item)
            if current:
                yield current.result()
        if following:
            yield following.result()
