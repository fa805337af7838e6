"""`emo versions`: the history of the dataset."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import (
    READ_ONLY,
    JsonOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
)


def versions(
    revision: Annotated[str, typer.Argument(help="The last commit, branch or tag to list.")] = "HEAD",
    as_json: JsonOption = False,
) -> None:
    """List the versions of the dataset, and what each changed.

    Reads only the tables in Git, so the data need not be fetched. Newest first; commits that left the dataset
    unchanged are not listed.
    """
    from pipeline.versions.git import Repository
    from pipeline.versions.history import HEADER, history

    with one_line_errors(READ_ONLY):
        enter_project()
        repository = Repository(Path.cwd())
        steps = history(repository, revision, with_workspace=revision == "HEAD")
    if as_json:
        print_json([step.as_json() for step in steps])
        return
    print_table("Versions of the dataset", HEADER, [step.row() for step in steps])
    if repository.is_shallow:
        echo(f"note: older versions are missing{repository.cut_note}")
