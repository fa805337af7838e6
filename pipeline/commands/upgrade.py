"""`emo upgrade`: convert params.yaml of an earlier version to this one."""

from typing import Annotated

import typer

from pipeline.commands.console import enter_project, one_line_errors


def upgrade(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
    ] = False,
) -> None:
    """Rewrite params.yaml of an earlier version of emo.

    Moves renamed keys and adds new ones with their defaults; values and comments stay. Tables and the cache
    need no change. A current params.yaml is not changed.
    """
    from pipeline.runtime.upgrade import upgrade_params

    with one_line_errors():
        enter_project()
        changes = upgrade_params(write=not dry_run)
    for change in changes:
        typer.echo(change)
    if not changes:
        typer.echo("params.yaml is up to date; nothing to change")
    elif not dry_run:
        typer.echo("next:  dvc repro")
