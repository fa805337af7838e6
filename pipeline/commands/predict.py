"""`emo predict`: expressions of the faces in images and videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.console import JsonOption, enter_project, one_line_errors, print_json, print_table

if TYPE_CHECKING:
    from pipeline.learning.predict import FileResult


def predict(
    files: Annotated[list[Path], typer.Argument(help="Images and videos.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for annotated copies: <name>_predicted.png or .mp4.")
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames sampled per second of video.", min=0.01, max=240)] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Predict the expressions of faces in images and videos.

    Faces are found and cropped as in the pipeline. The model knows simulated expressions of the participants
    it was trained on; it does not measure felt emotions.
    """
    from pipeline.runtime.errors import ConsentError
    from pipeline.video.usable import check_some_usable

    found: list[dict[str, object]] = []

    def report(result: "FileResult") -> None:
        found.append(result.as_json()) if as_json else print_table(*result.table())

    with one_line_errors():
        here = enter_project()
        paths = [here / path for path in files]
        check_some_usable(paths)  # before PyTorch is loaded, which takes seconds
        from pipeline.learning.predict import predict_files

        try:
            predict_files(paths, here / out if out else None, fps, report)
        except ConsentError:  # a subject withdrew meanwhile
            found.clear()
            raise
        finally:
            if as_json:
                print_json(found)
