"""Computing ahead on a second thread: order, errors, interruption."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.learning.model.device import ahead

TOP = Path(__file__).resolve().parents[2]


def doubled(item: int) -> int:
    if item == 3:
        raise ValueError("three")
    return 2 * item


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_results_come_in_order(count: int) -> None:
    assert list(ahead(doubled, range(count))) == [0, 2, 4][:count]


def test_only_the_next_item_is_computed_ahead() -> None:
    done: list[int] = []
    results = ahead(done.append, range(5))
    next(results)
    deadline = time.monotonic() + 10
    while len(done) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert done == [0, 1]


def test_an_error_comes_where_its_result_would_have() -> None:
    results = ahead(doubled, range(10))
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_an_error_of_the_items_is_raised_too() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(ahead(doubled, items()))


def test_stopping_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    results = ahead(doubled, range(3))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


ENDLESS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from tests.support.trainings import drawn_images, trained
class PrintSteps:
    def step(self): print("step", flush=True)
    def epoch(self, row): pass
images = drawn_images(1, 2)
trained(images, images, PrintSteps(), epochs=1_000_000, patience=1_000_000)
"""


def interrupted(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C, again if a library swallowed the first; return stderr."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=20)[1]
    process.kill()
    raise AssertionError("still running after three interrupts")


@pytest.mark.slow
def test_ctrl_c_ends_a_training_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS], cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as training:
        assert training.stdout
        assert training.stdout.readline() == "step\n"
        error = interrupted(training)
    assert training.returncode
    assert error.rstrip().endswith("KeyboardInterrupt")
