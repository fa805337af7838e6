"""Progress bars on a terminal, one plain line elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Called once for each finished piece of work."""

    def __call__(self, steps: int = 1) -> None: ...


def _show_nothing(steps: int = 1) -> None:
    """Advance without a terminal."""


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[Advance]:
    """Show `label` with a bar of `total` steps on stderr; without a terminal show nothing."""
    if not sys.stderr.isatty():
        yield _show_nothing
        return
    # Imported here, so that stages and their workers start faster when they show no bar.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda steps=1: progress.advance(task, steps)
