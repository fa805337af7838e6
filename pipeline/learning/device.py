"""Where the tensors live: the CPU or a CUDA device, the same code on both."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pipeline.core.errors import EmoError


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
