"""`emo protocols`: measure one recipe with a leaky split and with subject-wise splits."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import (
    JsonOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
    show_log,
)


def protocols(
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            help="frame-random, subject-wise, k-fold or leave-one-subject-out. Repeatable. Default: all, "
            "without the last if each image is its own subject.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds, starting at train.seed.", min=1)] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of epochs; the schedule is stretched over them.",
            min=1,
            show_default="fit.epochs of the recipe",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The JSON file to write; .csv and .png are written beside it.",
            show_default="reports/protocols.json",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how much a leaky split inflates the accuracy.

    Trains the same recipe on the same images with four kinds of split, each over several seeds: frames at
    random, as in many papers (every subject is on both sides); by subject; k folds of subjects; and each
    subject left out once. The difference between the first and the others is the effect of the leak
    (docs/protocols.md). Finished trainings are cached; an interrupted run resumes.

    \b
    emo protocols
    emo protocols --protocol frame-random --protocol k-fold --seeds 1
    """
    from pipeline.learning.protocols.plan import ProtocolsRequest
    from pipeline.learning.protocols.run import run_protocols
    from pipeline.learning.protocols.write import check_target, write_results
    from pipeline.runtime.paths import PROTOCOLS
    from pipeline.versions.withdrawn_meanwhile import kept_unless_withdrawn

    with one_line_errors():
        show_log()
        here = enter_project()
        target = here / out if out else PROTOCOLS
        check_target(target)
        with kept_unless_withdrawn("protocols") as written:
            found = run_protocols(ProtocolsRequest(tuple(protocol or ()), seeds, epochs))
            written += write_results(found, target)
    if as_json:
        print_json(found.as_json())
        return
    print_table(*found.table())
    echo("written: " + "  ".join(map(str, written)))
