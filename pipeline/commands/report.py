"""`emo report`: one page for readers who do not program."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import echo, enter_project, one_line_errors


def report(
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="reports/report.html")
    ] = None,
    no_faces: Annotated[
        bool, typer.Option("--no-faces", help="Leave out every image that shows a face.")
    ] = False,
) -> None:
    """Write one page for readers who do not program.

    Covers the source of the images, the participants, the audit, the model's metrics and mistakes, and the
    versions, and explains what each of them shows and does not show. The page is one HTML file that works
    offline (docs/report.md).
    """
    from pipeline.report.page import write_report
    from pipeline.runtime.paths import PAGE

    with one_line_errors("nothing was written"):
        here = enter_project()
        path = here / out if out else PAGE
        verdict = write_report(path, faces=not no_faces).verdict
    echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB; {verdict}")
