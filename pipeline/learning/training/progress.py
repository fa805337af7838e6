"""Callbacks that show the progress of a training: a bar on a terminal, log lines elsewhere."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from pipeline.learning.training.trainer import Callback
from pipeline.schema.history import Epoch

logger = logging.getLogger("emo.learning")

_LOGGED_EVERY = 10
"""Number of epochs between two log lines."""


class Silent:
    """A callback that shows nothing."""

    def step(self) -> None:
        """Do nothing after a batch."""

    def epoch(self, row: Epoch) -> None:
        """Do nothing after an epoch."""


class LogLines(Silent):
    """A callback that logs the first and every tenth epoch."""

    def epoch(self, row: Epoch) -> None:
        """Log an epoch."""
        if row.epoch == 1 or row.epoch % _LOGGED_EVERY == 0:
            logger.info(describe(row))


class Bar(Silent):
    """A callback that advances a progress bar with each batch and restarts it with each epoch."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("epoch   1", total=steps)

    def step(self) -> None:
        """Advance the bar."""
        self._progress.advance(self._task)

    def epoch(self, row: Epoch) -> None:
        """Restart the bar with the figures of the last epoch."""
        loss, accuracy = row.validation_loss, row.validation_accuracy
        text = f"epoch {row.epoch:3d}  validation loss {loss:.3f} {accuracy:.0%}"
        self._progress.reset(self._task, description=text)  # short, to leave room for the bar


def describe(row: Epoch) -> str:
    """Return the metrics of an epoch in one line."""
    return (
        f"epoch {row.epoch:3d}  train loss {row.train_loss:.3f} accuracy {row.train_accuracy:.1%}  "
        f"validation loss {row.validation_loss:.3f} accuracy {row.validation_accuracy:.1%}"
        f"{'  *' if row.best else ''}"
    )


@contextmanager
def progress_callback(steps: int) -> Iterator[Callback]:
    """Yield a callback with a bar if stderr is a terminal, else with log lines.

    Args:
        steps: Number of batches per epoch.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield LogLines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, steps)
