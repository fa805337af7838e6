"""`emo trace`: where an image comes from."""

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


def trace(
    what: Annotated[str, typer.Argument(help="An image's name or path, an image file, or a clip.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Image to write (.png, .jpg): the source frame of an image, or a clip's frames."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where an image comes from, or the status of every frame of a clip.

    Shows the recording and the time in it, the face, the split and the reason for it, and the settings and
    code of every stage. An exported image is recognised by its bytes, a re-encoded one by its perceptual
    hash.

    \b
    emo trace V01_happy_000050.png
    emo trace export/train/happy/000123.png --out source.png
    emo trace V01_happy --out strip.png
    """
    from pipeline.versions.trace.output import frame_table, trace_text
    from pipeline.versions.trace.trace import trace as trace_back

    with one_line_errors(READ_ONLY):
        here = enter_project()
        found = trace_back(what, here)
        if out:
            from pipeline.versions.trace.drawing import draw

            draw(found, here / out, here / what)
    if as_json:
        print_json(found.as_json())
        return
    echo(trace_text(found))
    if not found.frame:
        echo()
        print_table(*frame_table(found))
    if out:
        echo(f"drawn: {out}")
