"""A batch that does not fit into memory, in a process with limited memory."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

# The first block alone computes six times 54 * 256 * 64 * 64 values of 4 bytes for 54 images: 1.3 GB.
STARVED = """
import resource
from dataclasses import replace
from pipeline.runtime.errors import EmoError
from tests.support.trainings import BNCNN, drawn_images, trained

images = drawn_images(*range(6))
wide = replace(BNCNN, maps=(256, 8, 8), input_px=64)
trained(images, images, recipe=replace(wide, maps=(8, 8, 8)), epochs=1)  # loads what PyTorch always needs
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000,) * 2)
try:
    trained(images, images, recipe=wide, epochs=1, batch=500)
except EmoError as error:
    print(error)
"""


@pytest.mark.slow
def test_too_large_a_batch_for_the_memory() -> None:
    done = subprocess.run([sys.executable, "-c", STARVED], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "params.yaml: train: bncnn: fit: batch: 54 images of 64x64 pixels do not fit into memory; try 27\n"
    )
