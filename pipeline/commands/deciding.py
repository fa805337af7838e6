"""Shared by `emo exclude`, `emo include` and `emo relabel`: options, and recording with its output."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.console import echo, enter_project, one_line_errors, print_json

if TYPE_CHECKING:
    from pipeline.decisions.proposals import Proposal
    from pipeline.decisions.record import Recorded
    from pipeline.schema.decisions import Decision

ClipArgument = Annotated[str | None, typer.Argument(help="The clip's id.", show_default=False)]
FromOption = Annotated[
    float | None, typer.Option("--from", help="Start, seconds of the recording. Default: the clip's start.")
]
ToOption = Annotated[
    float | None,
    typer.Option("--to", help="End, seconds of the recording, exclusive. Default: the clip's end."),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in one line; name no person.")]
RaterOption = Annotated[
    str, typer.Option("--rater", envvar="EMO_RATER", help="Code of the person who decides, such as r1.")
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", help="Table of many decisions: clip, start_s, end_s, reason, rater.", show_default=False
    ),
]

_SHOWN = 20


def record_and_print(
    proposal: "Proposal | None",
    action: str,
    file: Path | None,
    *,
    reason: str,
    rater: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Record one decision, or those of a table, and print what was recorded and what to run next."""
    from datetime import date

    from pipeline.decisions.proposals import read_proposals
    from pipeline.decisions.record import record

    if (proposal is None) == (file is None):
        raise typer.BadParameter("give either a clip or --file")
    with one_line_errors("nothing was recorded"):
        here = enter_project()
        asked = [proposal] if proposal else []
        if file:
            asked = read_proposals(here / file, action, reason=reason, rater=rater)
        recorded = record(asked, date.today().isoformat(), wait=wait)
    if as_json:
        print_json(recorded.as_json())
    else:
        _print(recorded)


def _print(recorded: "Recorded") -> None:
    for row in recorded.decisions[:_SHOWN]:
        echo(_text(row))
    if len(recorded.decisions) > _SHOWN:
        echo(f"and {len(recorded.decisions) - _SHOWN:,} more")
    for note in recorded.notes:
        echo(f"note: {note}")
    echo("next:  dvc repro        # the dataset in seconds, then the training; `emo diff` shows the change")
    echo(f"       git add raw data reports dvc.lock && git commit -m '{_message(recorded)}'")


def _text(row: "Decision") -> str:
    words = {"exclude": "excluded", "include": "included again", "relabel": f"relabelled {row.value}"}
    stretch = f" from {row.start_s:g} to {row.end_s:g} s" if row.is_stretch else ""
    rater = f" (rater {row.rater})" if row.rater else ""
    return f"decision {row.decision}: {row.clip} {words[row.action]}{stretch}: {row.reason}{rater}"


def _message(recorded: "Recorded") -> str:
    first, last = recorded.decisions[0].decision, recorded.decisions[-1].decision
    return f"Decision {first}" if first == last else f"Decisions {first} to {last}"
