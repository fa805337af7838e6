"""`emo relabel`: correct the expression of a clip."""

from typing import Annotated

import typer

from pipeline.commands.console import JsonOption, NoWaitOption
from pipeline.commands.deciding import (
    ClipArgument,
    FileOption,
    RaterOption,
    ReasonOption,
    record_and_print,
)


def relabel(
    clip: ClipArgument = None,
    expression: Annotated[str, typer.Argument(help="The new expression.", show_default=False)] = "",
    reason: ReasonOption = "",
    rater: RaterOption = "",
    file: FileOption = None,
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Correct the expression of a clip.

    Records the decision in raw/decisions.csv (docs/decisions.md); raw/clips.csv keeps the expression that was
    asked for. The last relabelling of a clip holds.

    \b
    emo relabel V07_neutral sad --reason "was asked for sad, by the protocol sheet" --rater r1
    emo relabel --file labels.csv                # columns clip, expression, reason, rater
    """
    from pipeline.decisions.proposals import Proposal
    from pipeline.schema.decisions import RELABEL

    asked = Proposal(clip, RELABEL, clip, None, None, expression, reason, rater) if clip else None
    record_and_print(asked, RELABEL, file, reason=reason, rater=rater, wait=not no_wait, as_json=as_json)
