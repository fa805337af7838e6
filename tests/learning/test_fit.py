"""Optimisers and schedules against their formulas."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.learning.recipes.optimisation import FitParams, new_optimiser, rate_share
from tests.support.trainings import FIT

RATE, DECAY, SLOPES = 0.1, 0.01, (2.0, -3.0, 0.5)


def fitted(optimiser: str) -> float:
    """Return a weight that starts at 1 after three steps with the gradients SLOPES."""
    weight = torch.ones(1, requires_grad=True)
    made = new_optimiser([weight], replace(FIT, optimiser=optimiser, learning_rate=RATE, weight_decay=DECAY))
    for slope in SLOPES:
        made.zero_grad()
        (slope * weight).sum().backward()
        made.step()
    return weight.item()


def test_sgd_has_nesterov_s_momentum() -> None:
    weight, speed = 1.0, 0.0
    for slope in SLOPES:
        gradient = slope + DECAY * weight
        speed = 0.9 * speed + gradient
        weight -= RATE * (gradient + 0.9 * speed)  # where the momentum will have taken it
    assert fitted("sgd") == pytest.approx(weight)


@pytest.mark.parametrize("apart", [False, True], ids=["adam", "adamw"])
def test_adam_divides_by_the_gradients_usual_size(apart: bool) -> None:
    weight, mean, square = 1.0, 0.0, 0.0
    for step, slope in enumerate(SLOPES, start=1):
        gradient = slope if apart else slope + DECAY * weight
        weight *= 1 - RATE * DECAY if apart else 1
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        weight -= RATE * (mean / (1 - 0.9**step)) / (math.sqrt(square / (1 - 0.999**step)) + 1e-8)
    assert fitted("adamw" if apart else "adam") == pytest.approx(weight, rel=1e-5)


def test_weights_without_a_gradient_stay() -> None:
    frozen, learns = (torch.ones(1, requires_grad=flag) for flag in (False, True))
    made = new_optimiser([frozen, learns], replace(FIT, weight_decay=0.1))
    (frozen * learns).sum().backward()
    made.step()
    assert frozen.item() == 1 > learns.item()


def shares(**changes: object) -> list[float]:
    return [rate_share(replace(FIT, **changes), step / 100) for step in range(101)]


def test_the_rate_rises_in_a_line_over_the_warm_up() -> None:
    for schedule in ("constant", "step", "cosine"):
        rising = shares(schedule=schedule, warm_up=0.1)[:11]
        assert rising == pytest.approx([0.05 + 0.95 * step / 10 for step in range(11)])
        assert shares(schedule=schedule, warm_up=0.0)[0] == 1


def test_cosine_falls_to_nothing() -> None:
    falling = shares(schedule="cosine", warm_up=0.0)
    assert falling == pytest.approx([math.cos(math.pi * step / 200) ** 2 for step in range(101)], abs=1e-12)


def test_step_falls_at_half_and_at_three_quarters() -> None:
    falling = shares(schedule="step", warm_up=0.0)
    assert falling == pytest.approx([1] * 50 + [0.1] * 25 + [0.01] * 26)


def test_constant_stays() -> None:
    assert set(shares(schedule="constant", warm_up=0.0)) == {1.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("optimiser", "lion"), ("schedule", "linear"), ("warm_up", 0.6), ("weight_decay", -1.0)),
        *(("learning_rate", 0.0), ("learning_rate", math.nan), ("batch", 0), ("epochs", 0), ("patience", 0)),
    ],
)
def test_settings_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        replace(FIT, **{name: value})


def test_all_parameters_are_fitted_alike() -> None:
    """One group: no layer is left out of the decay, as the params say."""
    tensors: list[Tensor] = [torch.ones(2, requires_grad=True), torch.ones(3, 3, requires_grad=True)]
    fit: FitParams = replace(FIT, weight_decay=0.3)
    groups = new_optimiser(tensors, fit).param_groups
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.3, 2)]
