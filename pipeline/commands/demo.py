"""`emo demo`: enrol the virtual participants."""

from typing import Annotated

import typer

from pipeline.commands.console import JsonOption, enter_project, one_line_errors, print_json
from pipeline.commands.ingest import enrol


def demo(
    undo: Annotated[
        bool, typer.Option("--undo", help="Remove the virtual participants, which leaves raw/ empty.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Enrol the virtual participants that come with emo.

    Use these 12 participants with 84 clips to try out emo. Run `emo demo --undo` to empty raw/ before you
    enrol your own recordings.
    """
    from pipeline.ingest.demo import demo_request, undo_demo

    with one_line_errors():
        enter_project()
        if not undo:
            enrol(demo_request(), as_json=as_json)
            return
        removed = undo_demo()
        if as_json:
            print_json({"removed": removed})
        else:
            typer.echo(f"{removed} virtual clips removed; raw/ is empty")
