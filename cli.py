"""The command line of emo, assembled from the commands of `pipeline.commands`."""

import pipeline.runtime  # noqa: F401  # first: Ctrl-C while the others load

# isort: split
import typer

from pipeline.commands import TASKS
from pipeline.commands.console import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    help="Turn recordings of simulated facial expressions into an audited, subject-wise split face dataset "
    "and a trained classifier.\n\n"
    "Typical use: `emo ingest videos/` (or `emo demo`), then `dvc repro`, then `emo audit`.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help takes half the time
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

for task, commands in TASKS.items():
    for command in commands:
        app.command(rich_help_panel=task)(command)

if __name__ == "__main__":
    app()
