"""`emo upgrade`: convert params.yaml of an earlier version to this one."""

from typing import Annotated

import typer

from pipeline.commands.console import echo, enter_project, one_line_errors


def upgrade(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
    ] = False,
) -> None:
    """Rewrite params.yaml of an earlier version of emo.

    Moves renamed keys and adds new ones with their defaults; values and comments stay. A current params.yaml
    is not changed. Writes an empty ledger of decisions, raw/decisions.csv, if there is none.
    """
    from pipeline.runtime.paths import DECISIONS
    from pipeline.runtime.upgrade import upgrade_params
    from pipeline.schema.decisions import create_ledger

    with one_line_errors():
        enter_project()
        changes = upgrade_params(write=not dry_run)
        if not DECISIONS.exists():
            changes.append(f"{DECISIONS}: a ledger without decisions")
            if not dry_run:
                create_ledger()
    for change in changes:
        echo(change)
    if not changes:
        echo("params.yaml and the tables are up to date; nothing to change")
    elif not dry_run:
        echo("next:  dvc repro")
