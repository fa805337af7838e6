"""`emo figures`: the figures as vector graphics, for papers."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import echo, enter_project, one_line_errors


def figures(
    folder: Annotated[Path, typer.Argument(help="The folder to write to.")],
    form: Annotated[str, typer.Option("--format", help="svg, pdf or png.")] = "pdf",
) -> None:
    """Draw the figures of the last evaluation as vector graphics.

    Redraws funnel, learning curves, confusion matrix and calibration from the tables in reports/.

    \b
    emo figures paper/ --format svg
    """
    from pipeline.figures.redraw import redraw

    with one_line_errors("no other file was changed"):
        here = enter_project()
        written = redraw(here / folder, form)
    echo("written: " + "  ".join(map(str, written)))
