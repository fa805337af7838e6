"""The command line of emo. Each command parses, calls and prints; nothing else."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.ingest.ingest import Outcome, Request
    from pipeline.tools.predict import FileResult

app = typer.Typer(
    help="From recordings of simulated facial expressions to an audited, subject-wise split face dataset "
    "and a trained classifier.\n\n"
    "The usual way: `emo ingest videos/` (or `emo demo`), then `dvc repro`, then `emo audit`.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it answers in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Print an EmoError as its lines on stderr and exit with code 1."""
    from pipeline.core.errors import EmoError

    try:
        yield
    except EmoError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("stopped; what was done is kept, the same command goes on from there", err=True)
        raise typer.Exit(130) from None


def _enter_project() -> Path:
    """Change to the top of the project that holds the current directory; return where we were."""
    from pipeline.core.paths import project_root

    here = Path.cwd()
    os.chdir(project_root(here))
    return here


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def ingest(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders (read recursively) or video files.", show_default=False),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            help="How names tell who and what: auto, folders, ravdess, cremad, mead, savee, enterface."
        ),
    ] = "auto",
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Instead of names: a table with video, subject, expression[, start_s, end_s, take, sex]."
        ),
    ] = None,
    participants: Annotated[
        Path | None, typer.Option(help="Sex and age: a BIDS participants.tsv or a CSV.")
    ] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="Read one label as another: calm=neutral. Repeatable.")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out videos of other expressions (counted).")
    ] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Hard-link instead of copying; DVC makes the originals read-only.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Enrol recordings: check, copy and list them.

    Every video is opened and copied to raw/videos, every clip listed in raw/clips.csv.
    Shows a plan first; running it again changes nothing.

    \b
    emo ingest ~/recordings                 # <subject>/<expression>.mp4
    emo ingest ~/RAVDESS --map calm=neutral
    emo ingest --manifest segments.csv --participants participants.tsv
    """
    from pipeline.ingest.ingest import Request
    from pipeline.ingest.proposals import parse_mapping

    with _plain_errors():
        here = _enter_project()
        request = Request(
            sources=tuple(here / path for path in videos or ()),
            layout=layout,
            manifest=here / manifest if manifest else None,
            participants=here / participants if participants else None,
            mapping=parse_mapping(map_ or ()),
            skip_unknown=skip_unknown,
            link=link,
            dry_run=dry_run,
        )
        _enrol(request, as_json)


@app.command()
def demo(
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the virtual participants out again: an empty raw/.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Enrol the virtual participants that come with emo.

    12 people, 84 clips, to see how it all works.
    `emo demo --undo` empties raw/ again, before you enrol your own recordings.
    """
    from pipeline.ingest.demo import demo_request, undo_demo

    with _plain_errors():
        _enter_project()
        if undo:
            typer.echo(f"{undo_demo()} virtual clips removed; raw/ is empty")
        else:
            _enrol(demo_request(), as_json)


@app.command()
def audit(as_json: JsonOption = False) -> None:
    """Prove that nothing leaks between the splits.

    The same checks as the stage `audit`, run on the files as they are now; exit code 1 where one fails.
    """
    from pipeline.stages.audit import as_report, gather
    from pipeline.stages.audit import audit as run_checks

    with _plain_errors():
        _enter_project()
        checks = run_checks(gather())
    if as_json:
        typer.echo(json.dumps(as_report(checks), indent=2))
    else:
        _print_table(
            "Audit",
            ["check", "verdict", "evidence"],
            [[check.name, "ok" if check.ok else "FAILED", check.detail] for check in checks],
        )
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


@app.command()
def summary(as_json: JsonOption = False) -> None:
    """Show what the workspace holds.

    The funnel, the census by class, the audit, the metrics, and where the pictures are.
    """
    from pipeline.tools.summary import read_summary

    with _plain_errors():
        _enter_project()
        found = read_summary()
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    for title, header, rows in found.tables():
        _print_table(title, header, rows)
    if found.pictures:
        typer.echo("pictures: " + "  ".join(found.pictures))


@app.command()
def versions(
    revision: Annotated[str, typer.Argument(help="The last commit, branch or tag to look at.")] = "HEAD",
    as_json: JsonOption = False,
) -> None:
    """List the versions of the dataset, and what each changed.

    Read from the tables in Git: no data need be there. Newest first; commits that left the dataset as it
    was are not listed.
    """
    from pipeline.history.git import Repository
    from pipeline.history.versions import HEADER, history

    with _plain_errors():
        _enter_project()
        repository = Repository(Path.cwd())
        steps = history(repository, revision, with_workspace=revision == "HEAD")
    if as_json:
        typer.echo(json.dumps([step.as_json() for step in steps], indent=2))
        return
    _print_table("Versions of the dataset", HEADER, [step.row() for step in steps])
    if repository.is_shallow:
        typer.echo(f"note: older versions are not here{repository.cut_note}")


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A commit, branch or tag; A..B and A...B too.")] = "HEAD",
    after: Annotated[
        str | None, typer.Argument(help="Another; left out: the workspace.", show_default=False)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what changed between two versions of the dataset, in people.

    Subjects, clips and images that came, went, were relabelled or moved between splits (nobody may), with
    the params and code that changed. A version is a commit, branch or tag, the folder of another clone, or
    FOLDER@REV. From the tables in Git; image by image where the data are there.

    \b
    emo diff                    # the workspace against the last commit
    emo diff v1 v2
    emo diff main...HEAD        # what a branch brings, since it left main
    emo diff ../other-clone
    """
    from pipeline.history.depth import compare_images
    from pipeline.history.diff import compare
    from pipeline.history.git import Repository
    from pipeline.history.telling import diff_markdown, diff_tables
    from pipeline.history.version import resolve_pair

    with _plain_errors():
        here = _enter_project()
        changes = compare(*resolve_pair(Repository(Path.cwd()), before, after, here))
        images = compare_images(changes)
    if as_json:
        depth = images.as_json() if images else None
        typer.echo(json.dumps(changes.as_json() | {"image_changes": depth}, indent=2))
    elif markdown:
        typer.echo(diff_markdown(changes, images))
    elif changes.is_empty:
        typer.echo(f"{changes.before.name} and {changes.after.name} are the same")
    else:
        for table in diff_tables(changes, images):
            _print_table(*table)


@app.command()
def predict(
    files: Annotated[list[Path], typer.Argument(help="Pictures and videos.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for annotated copies: <name>_predicted.png or .mp4.")
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames of a video looked at per second.", min=0.01)] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Tell the expressions of faces in pictures and videos.

    Faces are found and cropped as the pipeline does it. The model knows simulated expressions of the
    participants it was trained on; it does not measure what anybody feels.
    """
    from pipeline.tools.predict import predict_files

    found: list[dict[str, object]] = []

    def report(result: "FileResult") -> None:
        found.append(result.as_json()) if as_json else _print_table(*result.table())

    with _plain_errors():
        here = _enter_project()
        try:
            predict_files([here / path for path in files], here / out if out else None, fps, report)
        finally:
            if as_json:
                typer.echo(json.dumps(found, indent=2))


def _enrol(request: "Request", as_json: bool) -> None:
    from pipeline.ingest.ingest import ingest as enrol

    outcome = enrol(request, show=None if as_json else _print_plan)
    if as_json:
        typer.echo(json.dumps(outcome.as_json(), indent=2, ensure_ascii=False))
    elif outcome.done:
        _print_done(outcome)


def _print_plan(plan: "Outcome") -> None:
    typer.echo(f"layout: {plan.layout} ({plan.reason})")
    for reason, count in sorted(plan.skipped.items()):
        typer.echo(f"left out: {count} files: {reason}")
    for note in plan.notes:
        typer.echo(f"note: {note}")
    typer.echo(
        f"plan: {len(plan.added)} clips to add ({plan.videos} videos, {plan.size_bytes / 1e6:.1f} MB, "
        f"{len(plan.new_subjects)} new participants), {len(plan.unchanged)} already there"
    )


def _print_done(outcome: "Outcome") -> None:
    from pipeline.core.labels import EXPRESSIONS

    rows = [
        [subject, *(str(row.get(name, 0) or "-") for name in EXPRESSIONS)]
        for subject, row in sorted(outcome.table.items())
    ]
    _print_table("Clips by subject and expression", ["subject", *EXPRESSIONS], rows)
    if outcome.commit:
        typer.echo(f"next:  git add {' '.join(outcome.commit)} && git commit -m 'Enrol recordings'")
        typer.echo("       dvc repro")
    else:
        typer.echo("nothing changed")


def _print_table(title: str, header: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, title=title, title_justify="left", title_style="bold")
    for row in rows:
        table.add_row(*row)
    # Without a terminal (a log, a pipe) nothing should be cut to 80 columns.
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    app()
