"""`emo demo`: enrol the virtual participants."""

from typing import Annotated

import typer

from pipeline.commands.console import (
    JsonOption,
    NoWaitOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
)
from pipeline.commands.ingest import enrol


def demo(
    undo: Annotated[
        bool, typer.Option("--undo", help="Remove the virtual participants and what was built from them.")
    ] = False,
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Enrol the virtual participants that come with emo.

    Use these 12 participants with 84 clips to try out emo, in a study without other recordings. Before you
    enrol your own, run `emo demo --undo`: it removes the virtual participants and what was built from them.
    """
    from pipeline.ingest.demo import demo_request, undo_demo
    from pipeline.versions.study_lock import locked_study

    with one_line_errors():
        enter_project()
        if not undo:
            enrol(demo_request(), as_json=as_json)
            return
        with locked_study(wait=not no_wait) as dvc:
            removed = undo_demo(dvc)
        if as_json:
            print_json({"removed": removed})
        else:
            echo(f"{removed} virtual clips removed, with all that was built from them")
