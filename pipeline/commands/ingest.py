"""`emo ingest`: enrol recordings."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.console import (
    JsonOption,
    NoWaitOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from pipeline.ingest.plan_subjects import PlannedSubject
    from pipeline.ingest.request import Request
    from pipeline.ingest.run import Outcome

_SHOWN_FIRST, _SHOWN_LAST = 8, 4
"""Subjects of the plan that are shown; those between them are counted."""

_EXAMPLE_WIDTH = 44


class Consent(StrEnum):
    """What `--consent` can state."""

    given = "given"


def ingest(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders (read recursively), video files, or FER2013's CSV.", show_default=False),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            help="How file names state subject and expression: auto, folders, ravdess, cremad, mead, savee, "
            "enterface, bids; for stills: ckplus, jaffe, kdef, fer2013, imagefolder."
        ),
    ] = "auto",
    subject_pattern: Annotated[
        str,
        typer.Option(
            help="Regular expression that finds the subject in each path: '/(?P<subject>S\\d+)_'. Further "
            "groups: expression, session, take.",
            show_default=False,
        ),
    ] = "",
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Instead of file names: a table with the columns video, subject, expression[, start_s, "
            "end_s, apex_s, session, take, sex]; an .eaf of ELAN or a folder of them; or events from BORIS."
        ),
    ] = None,
    tier: Annotated[
        str, typer.Option(help="Tier of the ELAN files that holds the expressions.", show_default=False)
    ] = "",
    subject: Annotated[
        str, typer.Option(help="Subject, if the ELAN or BORIS file states none.", show_default=False)
    ] = "",
    participants: Annotated[
        Path | None,
        typer.Option(help="Table of sex, age and consent: a BIDS participants.tsv or a CSV file."),
    ] = None,
    consent: Annotated[
        Consent | None,
        typer.Option(
            help="State that all subjects of this ingest gave consent that their recordings are processed. "
            "Without it, and without a column consent in --participants, consent is unknown.",
            show_default=False,
        ),
    ] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="Read one label as another: fury=angry. Repeatable.")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Skip files of other expressions; they are counted.")
    ] = False,
    skip_unusable: Annotated[
        bool, typer.Option("--skip-unusable", help="Leave out files that cannot be used; each is named.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse recordings that are cut off; else a note lists them."),
    ] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Hard-link instead of copying; DVC makes the originals read-only.")
    ] = False,
    no_wait: NoWaitOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Enrol recordings: check, copy and list them.

    Opens every video (or still image), copies it to raw/videos and lists its clips in raw/clips.csv. The plan
    is shown first. Running the command again changes nothing.

    \b
    emo ingest ~/recordings                 # <subject>/<expression>.mp4
    emo ingest ~/RAVDESS --skip-unknown     # without its class calm
    emo ingest ~/recordings --consent given # all subjects consented
    emo ingest fer2013.csv --layout fer2013
    emo ingest ~/recordings --subject-pattern '/(?P<subject>[A-Z]+\\d+)_'
    emo ingest --manifest segments.csv --participants participants.tsv
    emo ingest --manifest annotations/ --tier expression   # .eaf files of ELAN
    """
    from pipeline.dataset.images.params import declared_labels
    from pipeline.ingest.proposals import parse_mapping
    from pipeline.ingest.request import Request
    from pipeline.schema.participants import FROM_OPTION

    with one_line_errors():
        here = enter_project()
        request = Request(
            sources=tuple(here / path for path in videos or ()),
            layout=layout,
            subject_pattern=subject_pattern,
            manifest=here / manifest if manifest else None,
            tier=tier,
            subject=subject,
            participants=here / participants if participants else None,
            consent_source=FROM_OPTION if consent else "",
            mapping=parse_mapping(map_, declared_labels()) if map_ else {},
            skip_unknown=skip_unknown,
            skip_unusable=skip_unusable,
            strict=strict,
            link=link,
            wait=not no_wait,
            dry_run=dry_run,
        )
        enrol(request, as_json=as_json)


def enrol(request: "Request", *, as_json: bool) -> None:
    """Carry out a request and print its plan and its result."""
    from pipeline.ingest.run import ingest as run

    outcome = run(request, show=None if as_json else _print_plan)
    if as_json:
        print_json(outcome.as_json())
    elif outcome.done:
        _print_result(outcome)


def _print_plan(plan: "Outcome") -> None:
    echo(f"layout: {plan.layout} ({plan.reason})")
    for reason, count in sorted(plan.skipped.items()):
        echo(f"skipped: {count} files: {reason}")
    for note in plan.notes:
        echo(f"note: {note}")
    if plan.subjects:
        header = ["subject", "clips", "sessions", "expressions", "example"]
        print_table(f"Subjects as understood: {len(plan.subjects)}", header, _rows(plan.subjects))
    echo(
        f"plan: {len(plan.added)} clips to add ({plan.videos} files, {plan.size_bytes / 1e6:.1f} MB, "
        f"{len(plan.new_subjects)} new participants), {len(plan.unchanged)} already enrolled"
    )


def _rows(subjects: Sequence["PlannedSubject"]) -> list[list[str]]:
    """Return the rows of the first and last subjects, and one that counts the others."""
    hidden = len(subjects) - _SHOWN_FIRST - _SHOWN_LAST
    if hidden <= 1:
        return [_row(subject) for subject in subjects]
    between = subjects[_SHOWN_FIRST:-_SHOWN_LAST]
    clips = sum(subject.clips for subject in between)
    more = [f"... {hidden} more", str(clips), "", "", f"{between[0].subject} to {between[-1].subject}"]
    rows = [_row(subject) for subject in (*subjects[:_SHOWN_FIRST], *subjects[-_SHOWN_LAST:])]
    return [*rows[:_SHOWN_FIRST], more, *rows[_SHOWN_FIRST:]]


def _row(subject: "PlannedSubject") -> list[str]:
    example = subject.example
    if len(example) > _EXAMPLE_WIDTH:
        example = f"...{example[3 - _EXAMPLE_WIDTH :]}"
    return [
        subject.subject if subject.new else f"{subject.subject} (enrolled)",
        str(subject.clips),
        _few(subject.sessions) or "-",
        _few(subject.expressions),
        example,
    ]


def _few(values: Sequence[str]) -> str:
    """Return up to two values, or their number."""
    return ", ".join(values) if len(values) <= 2 else str(len(values))


def _print_result(outcome: "Outcome") -> None:
    labels = sorted({name for row in outcome.table.values() for name in row})
    rows = [
        [subject, *(str(row.get(name, 0) or "-") for name in labels)]
        for subject, row in sorted(outcome.table.items())
    ]
    print_table("Clips by subject and expression", ["subject", *labels], rows)
    if outcome.commit:
        echo(f"next:  git add {' '.join(outcome.commit)} && git commit -m 'Enrol recordings'")
        echo("       dvc repro")
    else:
        echo("nothing changed")
