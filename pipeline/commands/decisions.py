"""`emo decisions`: what was decided, and what holds now."""

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


def decisions(
    clip: Annotated[str, typer.Argument(help="Only the decisions about this clip.", show_default=False)] = "",
    as_json: JsonOption = False,
) -> None:
    """List the decisions about clips, and what holds now.

    Lists raw/decisions.csv in the order of entry, with whether each decision still holds (docs/decisions.md).

    \b
    emo decisions
    emo decisions V01_happy
    """
    from pipeline.decisions.listing import HEADER, list_decisions

    with one_line_errors(READ_ONLY):
        enter_project()
        found = list_decisions(clip)
    if as_json:
        print_json(found.as_json())
        return
    if not found.decisions:
        echo(f"no decisions about {clip}" if clip else "no decisions yet")
        return
    print_table("Decisions", HEADER, found.rows())
    echo(found.totals())
    for line in found.summary() if clip else ():
        echo(line)
