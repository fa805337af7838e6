"""Shared by all commands: one-line errors, tables, JSON, and the group that lists commands by task."""

import errno
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from typer.core import TyperGroup

from pipeline.runtime.text import printable, printable_json

READ_ONLY = "nothing was changed"
"""Message after Ctrl-C in a command that only reads."""

RESUMES = "finished work is kept; rerun the command to resume"
"""Message after Ctrl-C in a command that writes."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

NoWaitOption = Annotated[
    bool,
    typer.Option("--no-wait", help="Fail, instead of waiting, while another command changes the study."),
]

_WIDTH_OF_LOGS = 140


class CommandGroup(TyperGroup):
    """The commands, listed by task. If their output cannot be written, one line reports it."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Read the command line."""
        with _plain_errors():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            with _plain_errors():
                return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE or not _stdout_fails():  # a closed pipe is no error
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second error at exit
            typer.echo(
                f"error: standard output: {os.strerror(error.errno or 0)}; redirect it to another file",
                err=True,
            )
            raise typer.Exit(1) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands by task."""
        tasks: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            tasks.setdefault(command.rich_help_panel, []).append((name, command.get_short_help_str(80)))
        for task, rows in tasks.items():
            with formatter.section(task):
                formatter.write_dl(rows)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Print Ctrl-C while a command loads in one line, and bad usage without control characters."""
    try:
        yield
    except KeyboardInterrupt:
        echo("stopped", err=True)
        raise typer.Exit(130) from None
    except click.UsageError as error:
        raise click.UsageError(printable(error.format_message()), error.ctx) from None


def echo(text: str = "", *, err: bool = False) -> None:
    """Print text; control characters, such as names of files may hold, are shown as escapes."""
    typer.echo(printable(text), err=err)


def _stdout_fails() -> bool:
    """Return whether standard output fails; if not, a new line is started for the traceback."""
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        return True
    return False


@contextmanager
def one_line_errors(stopped: str = RESUMES) -> Iterator[None]:
    """Print an EmoError, or an error of the disk, on stderr and exit with code 1.

    `stopped` is the message after Ctrl-C.
    """
    from pipeline.runtime.errors import EmoError, disk_errors, formatted

    try:
        with disk_errors("", " and rerun the command"):
            yield
    except EmoError as error:
        echo(formatted(error), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo(f"stopped; {stopped}", err=True)
        raise typer.Exit(130) from None


def show_log() -> None:
    """Print what emo logs on standard error, where it does not mix with results."""
    import logging

    from pipeline.runtime.stage import PlainFormatter

    logger, handler = logging.getLogger("emo"), logging.StreamHandler()
    handler.setFormatter(PlainFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def enter_project() -> Path:
    """Change to the top folder of the current project; return the previous working directory."""
    from pipeline.runtime.paths import project_root

    here = Path.cwd()
    os.chdir(project_root(here))
    return here


def print_json(values: object) -> None:
    """Print plain values as JSON."""
    typer.echo(printable_json(json.dumps(values, indent=2, ensure_ascii=False)))


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; without a terminal (a log, a pipe) it is not cut to the terminal's width."""
    from rich.console import Console
    from rich.table import Table

    names = [printable(name) for name in header]
    table = Table(*names, title=printable(title), title_justify="left", title_style="bold")
    for row in rows:
        table.add_row(*map(printable, row))
    width = None if sys.stdout.isatty() else _WIDTH_OF_LOGS
    Console(width=width, markup=False, emoji=False).print(table)  # names from users are not markup
