"""How training goes, on the terminal: a bar where someone watches, a few lines where not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.learning.training.trainer import Trained, Watcher
from pipeline.schema.history import Epoch

_EVERY = 10  # epochs between two plain lines


class Silent:
    """Watches without a word."""

    def step(self) -> None:
        """One batch is done."""

    def epoch(self, row: Epoch) -> None:
        """One epoch is done."""


class Lines(Silent):
    """A line every ten epochs, for logs."""

    def epoch(self, row: Epoch) -> None:
        """One epoch is done."""
        if row.epoch == 1 or row.epoch % _EVERY == 0:
            print(describe(row), file=sys.stderr, flush=True)


class Bar(Silent):
    """A bar that grows with each batch and starts again with each epoch."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self._progress, self._steps = progress, steps
        self._task: TaskID = progress.add_task("epoch   1", total=steps)

    def step(self) -> None:
        """One batch is done."""
        self._progress.advance(self._task)

    def epoch(self, row: Epoch) -> None:
        """One epoch is done."""
        loss, accuracy = row.validation_loss, row.validation_accuracy
        text = f"epoch {row.epoch:3d}  validation loss {loss:.3f} {accuracy:.0%}"
        self._progress.reset(self._task, description=text)  # short, to leave room for the bar


def describe(row: Epoch) -> str:
    """Return one epoch as a line."""
    return (
        f"epoch {row.epoch:3d}  train loss {row.train_loss:.3f} accuracy {row.train_accuracy:.1%}  "
        f"validation loss {row.validation_loss:.3f} accuracy {row.validation_accuracy:.1%}"
        f"{'  *' if row.best else ''}"
    )


@contextmanager
def watching(steps: int) -> Iterator[Watcher]:
    """Give the watcher that suits stderr: a bar on a terminal, else lines. `steps` are an epoch's."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, steps)


def summary(trained: Trained) -> Table:
    """Return the best and the last epoch as a table."""
    table = Table("", "epoch", "train loss", "accuracy", "validation loss", "accuracy")
    for name, row in (("best", trained.best), ("last", trained.history[-1])):
        figures = [f"{row.train_loss:.4f}", f"{row.train_accuracy:.1%}"]
        figures += [f"{row.validation_loss:.4f}", f"{row.validation_accuracy:.1%}"]
        table.add_row(name, str(row.epoch), *figures)
    return table
