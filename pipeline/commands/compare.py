"""`emo compare`: trainings side by side."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import (
    JsonOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
)


def compare(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            help="Commits, tags, branches, experiments or `workspace`; the first is the reference. "
            "Default: HEAD, its experiments and the workspace.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show trainings side by side, and which differences exceed chance.

    Lists commits and experiments (`dvc exp run -S train.seed=1`, or the queue) with their changes and their
    metrics on the test subjects. Each difference in accuracy has an interval, from resampling the subjects
    that both trainings measured.

    \b
    emo compare                     # HEAD and its experiments
    emo compare v1 v2 workspace
    """
    from pipeline.learning.comparison.compare import HEADER, caveat, compare_runs
    from pipeline.learning.comparison.runs import find_runs
    from pipeline.versions.git import Repository
    from pipeline.versions.withdrawn_meanwhile import kept_unless_withdrawn

    with one_line_errors():
        enter_project()
        with kept_unless_withdrawn("compare"):
            compared = compare_runs(find_runs(Repository(Path.cwd()), revisions or ()))
    if as_json:
        print_json([one.as_json() for one in compared])
        return
    print_table("Trainings on the test subjects", HEADER, [one.row() for one in compared])
    if note := caveat(compared):
        echo(note)
