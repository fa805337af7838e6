"""How much the test accuracy depends on the seed: trains recipes with several seeds on the same dataset.

    python benchmarks/seeds.py [SETTINGS ...] [--seeds 0 1 2]

Each SETTINGS is a training: the values to change in the section `train` of params.yaml, separated by commas;
without any, params.yaml as it is. With and without batch normalisation, for instance:

    python benchmarks/seeds.py recipe=bncnn recipe=bncnn,bncnn.batch_norm=false

Needs a built dataset (`dvc repro dataset`). Changes nothing in the workspace.
"""

import argparse
import copy
import statistics
from typing import Any

import numpy as np
import yaml

from pipeline.learning.model.device import choose_device
from pipeline.learning.model.image_set import read_images
from pipeline.learning.model.inference import all_logits, shrink
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.progress import Silent
from pipeline.learning.training.trainer import train
from pipeline.runtime.params import build, read_params


def changed(values: dict[str, Any], settings: str) -> dict[str, Any]:
    """Return the section `train` with settings such as `recipe=bncnn,bncnn.fit.epochs=20` changed."""
    values = copy.deepcopy(values)
    for setting in filter(None, settings.split(",")):
        key, _, value = setting.partition("=")
        *sections, name = key.split(".")
        target = values
        for section in sections:
            target = target[section]
        target[name] = yaml.safe_load(value)
    return values


def test_accuracy(params: TrainParams) -> float:
    """Train on the training subjects and return the accuracy on the test subjects, 0..1."""
    training, validation, test = (read_images(split) for split in ("train", "validation", "test"))
    trained = train(training, validation, params, choose_device(), Silent())
    logits = all_logits(trained.model, shrink(test.pixels, params.chosen.input_px))
    return float(np.mean(logits.argmax(1).cpu().numpy() == test.labels.numpy()))


def main() -> None:
    """Print the accuracy of each seed, their mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", default=[""], help="recipe=NAME,NAME.KEY=VALUE,...")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    for settings in arguments.settings:
        values, found = changed(read_params()["train"], settings), []
        for seed in arguments.seeds:
            found.append(test_accuracy(build(TrainParams, values | {"seed": seed}, settings or "train")))
            print(f"{settings} seed {seed}: test accuracy {found[-1]:.1%}", flush=True)
        spread = f"lowest {min(found):.1%}, highest {max(found):.1%}"
        print(f"{settings} mean {statistics.mean(found):.1%}, {spread}", flush=True)


if __name__ == "__main__":
    main()
