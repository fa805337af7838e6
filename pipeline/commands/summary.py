"""`emo summary`: the workspace at a glance."""

from pipeline.commands.console import (
    READ_ONLY,
    JsonOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
)


def summary(as_json: JsonOption = False) -> None:
    """Show a summary of the workspace.

    Shows the funnel, the census by class, the audit, the metrics, and the paths of the figures.
    """
    from pipeline.report.summary import read_summary

    with one_line_errors(READ_ONLY):
        enter_project()
        found = read_summary()
    if as_json:
        print_json(found.as_json())
        return
    for title, header, rows in found.tables():
        print_table(title, header, rows)
    if found.subjects:
        echo(f"subjects: {found.subjects}")
    if found.not_evaluated:
        changed = ", ".join(found.not_evaluated)
        echo(f"note: the metrics are of an older dataset ({changed} changed); run `dvc repro`")
    if found.figures:
        echo("figures: " + "  ".join(found.figures))
