"""Optimisers and learning-rate schedules."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from pipeline.runtime.params import Checked, OneOf, Within

_MOMENTUM = 0.9
"""Momentum of SGD, in Nesterov's form (Sutskever, Martens, Dahl & Hinton 2013)."""


_OPTIMISERS: dict[str, tuple[Callable[..., Optimizer], dict[str, Any]]] = {
    # The fused SGD fails when frozen weights are unfrozen: only some of them have a momentum then.
    "sgd": (torch.optim.SGD, {"momentum": _MOMENTUM, "nesterov": True, "foreach": True}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamw": (torch.optim.AdamW, {"fused": True}),
}

_SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "step": lambda progress: 0.1 ** ((progress >= 0.5) + (progress >= 0.75)),
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
}


@dataclass(frozen=True)
class FitParams(Checked):
    """How the model of the recipe is optimised."""

    optimiser: Annotated[str, OneOf(tuple(_OPTIMISERS))]
    "Optimiser: sgd (Nesterov momentum 0.9), adam (Kingma & Ba 2015) or adamw (Loshchilov & Hutter 2019)."
    learning_rate: Annotated[float, Within(1e-8, 10)]
    "Highest learning rate, reached after the warm-up."
    schedule: Annotated[str, OneOf(tuple(_SCHEDULES))]
    "Schedule of the learning rate: constant, step or cosine; see `rate_share`."
    warm_up: Annotated[float, Within(0, 0.5)]
    "Share of all steps over which the learning rate rises at the start."
    weight_decay: Annotated[float, Within(0, 10)]
    "Weight decay: part of the gradient for sgd and adam, decoupled from it for adamw."
    batch: Annotated[int, Within(1, 1_000_000)]
    "Number of images per step."
    epochs: Annotated[int, Within(1, 1_000_000)]
    "Largest number of epochs."
    patience: Annotated[int, Within(1, 1_000_000)]
    "Number of epochs without a lower validation loss after which training stops."


def new_optimiser(parameters: Iterable[Tensor], fit: FitParams) -> Optimizer:
    """Return the optimiser, in PyTorch's fastest implementation of it."""
    make, options = _OPTIMISERS[fit.optimiser]
    return make(parameters, lr=fit.learning_rate, weight_decay=fit.weight_decay, **options)


def rate_share(fit: FitParams, progress: float) -> float:
    """Return the share of the highest learning rate at `progress` (0..1) of all steps.

    The share rises linearly from a twentieth over the warm-up. Then it stays at 1 (constant), falls to a
    tenth at half and to a hundredth at three quarters of the remaining steps (step; He et al. 2016), or
    falls to 0 along half a cosine (cosine; Loshchilov & Hutter 2017).
    """
    if progress < fit.warm_up:
        return 0.05 + 0.95 * progress / fit.warm_up
    return _SCHEDULES[fit.schedule](min(1.0, (progress - fit.warm_up) / (1 - fit.warm_up)))
