"""`emo withdraw`: erase a participant who withdraws."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.console import (
    JsonOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from pipeline.withdrawal.plan import Plan
    from pipeline.withdrawal.report import Outcome

_SHOWN = 20


def withdraw(
    subject: Annotated[str, typer.Argument(help="The participant's code.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase. Without --yes, or with --dry-run, the plan is only shown.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be erased (the default).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase a participant who withdraws, everywhere, and prove it.

    Erases recordings, frames, faces, images, cached shards, figures, models trained with the participant, and
    the objects of every version in DVC's cache and remotes. The data, splits and versions of all other
    participants stay. A report for your files is written to reports/withdrawals/. The command can be rerun at
    any time; its exit code is 1 until every location was reached and nothing is found.

    \b
    emo withdraw V03            # shows what would be erased
    emo withdraw V03 --yes
    """
    from pipeline.withdrawal.view import preview_json, preview_table
    from pipeline.withdrawal.withdraw import preview
    from pipeline.withdrawal.withdraw import withdraw as erase

    with one_line_errors():
        enter_project()
        if dry_run or not yes:
            found = preview(subject)
            if as_json:
                print_json(preview_json(found))
                return
            print_table(*preview_table(found))
            _print_not_judged(found.plan)
            echo(f"nothing has been changed yet; to erase:  emo withdraw {subject} --yes")
            return
        outcome = erase(subject)
        _print_outcome(outcome, as_json=as_json)
    raise typer.Exit(0 if outcome.ok else 1)


def _print_outcome(outcome: "Outcome", *, as_json: bool) -> None:
    from pipeline.withdrawal.view import outcome_json, outcome_table
    from pipeline.withdrawal.withdraw import to_commit

    commit = to_commit(outcome.plan.subject.code)
    if as_json:
        print_json(outcome_json(outcome, commit))
        return
    print_table(*outcome_table(outcome))
    _print_proof(outcome)
    _print_notes(outcome)
    _print_next(outcome, commit)


def _print_proof(outcome: "Outcome") -> None:
    proof = outcome.proof
    echo(
        f"searched: {proof.files:,} files, {proof.size_bytes / 1e6:,.1f} MB, for {proof.images:,} images "
        f"and pieces of recordings: {len(proof.found) or 'no'} file{'s' * (len(proof.found) != 1)} found"
    )
    for found in proof.found[:_SHOWN]:
        echo(f"FOUND: {found.place}: {found.what}")
    if proof.found:
        echo("       these are not outputs of emo, or were restored: check and remove them yourself")


def _print_notes(outcome: "Outcome") -> None:
    from pipeline.withdrawal.report import report_path

    for remote in outcome.unreached:
        echo(f"NOT REACHED: {remote.name}: {remote.reason}")
    for path in outcome.linked:
        echo(f"note: {path} has another name on this disk (a hard link); remove the original yourself")
    _print_not_judged(outcome.plan)
    for note in filter(None, (outcome.note, outcome.history)):
        echo(f"note: {note}")
    echo(f"report: {report_path(outcome.plan.subject.code)}")


def _print_next(outcome: "Outcome", commit: list[str]) -> None:
    subject = outcome.plan.subject.code
    if not outcome.ok:
        echo(f"not done yet: fix this and rerun `emo withdraw {subject} --yes`")
    if commit:
        echo(f"next:  git add {' '.join(commit)} && git commit -m 'Withdrawal of {subject}'")
        echo("       dvc repro" + (" && dvc push" if outcome.has_remotes else ""))
        echo(f"       git add dvc.lock data reports && git commit -m 'Built without {subject}'")


def _print_not_judged(plan: "Plan") -> None:
    for path in plan.not_judged:
        echo(f"note: {path}: has no tag of emo; check whether it shows {plan.subject.code}")
