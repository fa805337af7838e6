"""`emo export`: the dataset in other formats."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import JsonOption, enter_project, one_line_errors, print_json, print_table


def export(
    layout: Annotated[str, typer.Argument(help="imagefolder, webdataset or npz.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder, preferably outside the project.")],
    anonymise: Annotated[
        bool,
        typer.Option(
            "--anonymise",
            help="Leave out subjects' codes, clips, frames and times; faces still identify participants.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the dataset into another format.

    Writes PNG files in folders (imagefolder), tars (webdataset) or arrays (npz); see docs/export.md.
    """
    from pipeline.export.run import export as write_export

    with one_line_errors("nothing was exported"):
        here = enter_project()
        exported = write_export(layout, here / folder, anonymise=anonymise)
    if as_json:
        print_json(exported.as_json())
    else:
        print_table(*exported.table())
