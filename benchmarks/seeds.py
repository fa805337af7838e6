"""How far the test accuracy depends on the seed: train again with other seeds on the same dataset.

    python benchmarks/seeds.py [--seeds 0 1 2]

Needs a built dataset (`dvc repro dataset`). Changes nothing in the workspace.
"""

import argparse
import dataclasses
import statistics

import numpy as np

from pipeline.core.params import load_params
from pipeline.learning.data import read_images
from pipeline.learning.device import choose_device
from pipeline.learning.loop import TrainParams, train
from pipeline.learning.models import all_logits, shrink
from pipeline.learning.progress import Silent


def test_accuracy(params: TrainParams) -> float:
    """Train on the training subjects and return the accuracy on the test subjects, 0..1."""
    training, validation, test = (read_images(split) for split in ("train", "validation", "test"))
    trained = train(training, validation, params, choose_device(), Silent())
    logits = all_logits(trained.model, shrink(test.pixels, params.input_px))
    return float(np.mean(logits.argmax(1).cpu().numpy() == test.labels.numpy()))


def main() -> None:
    """Print the accuracy of each seed, their mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    params = load_params("train", TrainParams)
    found = []
    for seed in parser.parse_args().seeds:
        found.append(test_accuracy(dataclasses.replace(params, seed=seed)))
        print(f"seed {seed}: test accuracy {found[-1]:.1%}", flush=True)
    print(f"mean {statistics.mean(found):.1%}, lowest {min(found):.1%}, highest {max(found):.1%}")


if __name__ == "__main__":
    main()
