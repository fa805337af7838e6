"""`emo audit`: check the dataset."""

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


def audit(
    deep: Annotated[bool, typer.Option("--deep", help="Hash every recording again.")] = False,
    since: Annotated[
        str | None,
        typer.Option(
            help="Earliest version to compare the split with: a commit, branch or tag.",
            show_default=False,
        ),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", help="Name of a check to skip. Repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the dataset for leakage and consistency.

    Runs the checks of the stage `audit`, and further checks of participants, labels, splits, faces, files and
    their history, on the current state of the workspace (docs/audit.md). Exit code 1 if a check fails.

    \b
    emo audit
    emo audit --deep --since v1
    emo audit --skip "outputs up to date"
    """
    from pipeline.audit.run import HEADER, run_audit
    from pipeline.schema.image_subjects import full_caveat

    with one_line_errors(READ_ONLY):
        enter_project()
        found = run_audit(deep=deep, since=since, skip=skip or ())
    if as_json:
        print_json(found.as_json())
    else:
        print_table(f"Audit of the {found.version}", HEADER, found.rows())
        if found.caveat:
            echo(f"subjects: {full_caveat(found.caveat)}")
    raise typer.Exit(0 if found.ok else 1)
