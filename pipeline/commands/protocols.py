"""`emo protocols`: the same recipe by a leaky split and by fair ones."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import JsonOption, enter_project, one_line_errors, print_json, print_table


def protocols(
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            help="frame-random, subject-wise, k-fold or leave-one-subject-out. Repeatable; without it, all "
            "except the last where images are their own subjects.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds, from train.seed on.", min=1)] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="At most, with the schedule stretched.", min=1, show_default="fit.epochs of the recipe"
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

    The same recipe on the same images with the split of many papers (frames at random, so that every subject
    is on both sides), by subject, by k folds of subjects, and with each subject left out once; repeated over
    seeds. The difference between the first and the others is what the leak adds (docs/protocols.md). Finished
    trainings are cached; an interrupted run resumes.

    \b
    emo protocols
    emo protocols --protocol frame-random --protocol k-fold --seeds 1
    """
    from pipeline.learning.protocols.plan import ProtocolsRequest
    from pipeline.learning.protocols.run import run_protocols
    from pipeline.learning.protocols.write import check_target, write_results
    from pipeline.runtime.paths import PROTOCOLS

    with one_line_errors():
        here = enter_project()
        target = here / out if out else PROTOCOLS
        check_target(target)
        found = run_protocols(ProtocolsRequest(tuple(protocol or ()), seeds, epochs))
        written = write_results(found, target)
    if as_json:
        print_json(found.as_json())
        return
    print_table(*found.table())
    typer.echo("written: " + "  ".join(map(str, written)))
