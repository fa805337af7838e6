"""The command line of emo: the commands of `pipeline.commands`, assembled."""

import typer

from pipeline.commands import TASKS
from pipeline.commands.console import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    help="From recordings of simulated facial expressions to an audited, subject-wise split face dataset "
    "and a trained classifier.\n\n"
    "The usual way: `emo ingest videos/` (or `emo demo`), then `dvc repro`, then `emo audit`.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it answers in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

for task, commands in TASKS.items():
    for command in commands:
        app.command(rich_help_panel=task)(command)

if __name__ == "__main__":
    app()
