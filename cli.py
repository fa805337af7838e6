"""The command line of emo. Each command parses, calls and prints; nothing else."""

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from pipeline.ingest.request import Request
    from pipeline.ingest.run import Outcome
    from pipeline.learning.predict import FileResult
    from pipeline.withdrawal.outcome import Outcome as Withdrawal
    from pipeline.withdrawal.plan import Plan as WithdrawalPlan


class _Commands(TyperGroup):
    """The commands; where what they print cannot be written, a line says so."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE or not _is_of_stdout():  # a closed pipe ends emo without a word
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is tried again at exit
            typer.echo(f"error: standard output: {os.strerror(error.errno or 0)}; print elsewhere", err=True)
            raise typer.Exit(1) from None


def _is_of_stdout() -> bool:
    """Return whether standard output is what fails; where it is not, a traceback follows on a new line."""
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        return True
    return False


app = typer.Typer(
    cls=_Commands,
    help="From recordings of simulated facial expressions to an audited, subject-wise split face dataset "
    "and a trained classifier.\n\n"
    "The usual way: `emo ingest videos/` (or `emo demo`), then `dvc repro`, then `emo audit`.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it answers in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


_READS = "nothing was changed"
"""What Ctrl-C leaves of a command that only reads."""


@contextmanager
def _plain_errors(
    stopped: str = "what was done is kept, the same command goes on from there",
) -> Iterator[None]:
    """Print an EmoError as its lines on stderr and exit with code 1; `stopped` tells what Ctrl-C leaves."""
    from pipeline.runtime.errors import EmoError

    try:
        yield
    except EmoError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo(f"stopped; {stopped}", err=True)
        raise typer.Exit(130) from None


def _enter_project() -> Path:
    """Change to the top of the project that holds the current directory; return where we were."""
    from pipeline.runtime.paths import project_root

    here = Path.cwd()
    os.chdir(project_root(here))
    return here


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def ingest(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders (read recursively), video files, FER2013's CSV.", show_default=False),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            help="How names tell who and what: auto, folders, ravdess, cremad, mead, savee, enterface; of "
            "pictures: ckplus, jaffe, kdef, fer2013, imagefolder."
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
        bool, typer.Option("--skip-unknown", help="Leave out files of other expressions (counted).")
    ] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Hard-link instead of copying; DVC makes the originals read-only.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Enrol recordings: check, copy and list them.

    Every video, or picture of a corpus of pictures, is opened and copied to raw/videos, every clip listed
    in raw/clips.csv.
    Shows a plan first; running it again changes nothing.

    \b
    emo ingest ~/recordings                 # <subject>/<expression>.mp4
    emo ingest ~/RAVDESS --map calm=neutral
    emo ingest fer2013.csv --layout fer2013
    emo ingest --manifest segments.csv --participants participants.tsv
    """
    from pipeline.ingest.proposals import parse_mapping
    from pipeline.ingest.request import Request

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
            removed = undo_demo()
            told = f"{removed} virtual clips removed; raw/ is empty"
            typer.echo(json.dumps({"removed": removed}) if as_json else told)
        else:
            _enrol(demo_request(), as_json)


@app.command()
def audit(
    deep: Annotated[bool, typer.Option("--deep", help="Hash every recording again.")] = False,
    since: Annotated[
        str | None,
        typer.Option(
            help="The earliest version that the split is compared with: a commit, branch or tag.",
            show_default=False,
        ),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", help="Leave a check out, by its name. Repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that nothing leaks between the splits, and that all is what it says it is.

    The checks of the stage `audit`, and more: people, labels, splits, faces, files and their history, as
    they are now (docs/audit.md). Exit code 1 where one fails.

    \b
    emo audit
    emo audit --deep --since v1
    emo audit --skip "outputs up to date"
    """
    from pipeline.audit.run import HEADER, run_audit
    from pipeline.schema.image_subjects import full_caveat

    with _plain_errors(_READS):
        _enter_project()
        made = run_audit(deep=deep, since=since, skip=skip or ())
    if as_json:
        typer.echo(json.dumps(made.as_json(), indent=2))
    else:
        _print_table(f"Audit of the {made.version}", HEADER, made.rows())
        if made.caveat:
            typer.echo(f"subjects: {full_caveat(made.caveat)}")
    raise typer.Exit(0 if made.ok else 1)


@app.command()
def summary(as_json: JsonOption = False) -> None:
    """Show what the workspace holds.

    The funnel, the census by class, the audit, the metrics, and where the pictures are.
    """
    from pipeline.report.summary import read_summary

    with _plain_errors(_READS):
        _enter_project()
        found = read_summary()
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    for title, header, rows in found.tables():
        _print_table(title, header, rows)
    if found.subjects:
        typer.echo(f"subjects: {found.subjects}")
    if found.not_evaluated:
        changed = ", ".join(found.not_evaluated)
        typer.echo(f"note: the model's metrics are of an older dataset ({changed} changed); run `dvc repro`")
    if found.figures:
        typer.echo("figures: " + "  ".join(found.figures))


@app.command()
def report(
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="reports/report.html")
    ] = None,
    no_faces: Annotated[
        bool, typer.Option("--no-faces", help="Leave out every picture that shows a face.")
    ] = False,
) -> None:
    """Write all of it into one page, for people who do not program.

    Where the images come from, who is in them, the audit, the net's figures and mistakes, the versions;
    each with what it shows and what it does not. One HTML file that needs no network (docs/report.md).
    """
    from pipeline.report.page import write_report
    from pipeline.runtime.paths import PAGE

    with _plain_errors("nothing was written"):
        here = _enter_project()
        path = here / out if out else PAGE
        verdict = write_report(path, faces=not no_faces).verdict
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB; {verdict}")


@app.command()
def protocols(
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            help="frame-random, subject-wise, k-fold or leave-one-subject-out. Repeatable; all without it, "
            "but for the last where images stand for subjects.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many, from train.seed on.", min=1)] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(help="At most, with the schedule.", min=1, show_default="fit.epochs of the recipe"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The JSON file to write; .csv and .png stand beside it.",
            show_default="reports/protocols.json",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the recipe by a leaky split and by fair ones.

    The same recipe on the same images by the split of many papers (frames at random, so that everybody is on
    both sides), by subject, by k folds of subjects, and with each subject left out once; repeated over seeds.
    How far the first lies above the others is what the leak adds (docs/protocols.md). Finished trainings are
    kept: a killed run goes on.

    \b
    emo protocols
    emo protocols --protocol frame-random --protocol k-fold --seeds 1
    """
    from pipeline.learning.protocols.plan import Request
    from pipeline.learning.protocols.run import run_protocols
    from pipeline.learning.protocols.write import check_target, write_outcome
    from pipeline.runtime.paths import PROTOCOLS

    with _plain_errors():
        here = _enter_project()
        target = here / out if out else PROTOCOLS
        check_target(target)
        found = run_protocols(Request(tuple(protocol or ()), seeds, epochs))
        written = write_outcome(found, target)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    _print_table(*found.table())
    typer.echo("written: " + "  ".join(map(str, written)))


@app.command()
def compare(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            help="Commits, tags, branches, experiments or `workspace`; the first is what the others are held "
            "against. Without any: HEAD, its experiments, the workspace.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show trainings side by side, and which differences are more than chance.

    Commits and experiments (`dvc exp run -S train.seed=1`, or the queue) with what they changed and what they
    reach on the test subjects. Differences in accuracy have an interval from resampling the people whom both
    measured.

    \b
    emo compare                     # HEAD and its experiments
    emo compare v1 v2 workspace
    """
    from pipeline.learning.comparison.compare import HEADER, compare_runs, caveat
    from pipeline.learning.comparison.runs import find_runs
    from pipeline.versions.git import Repository

    with _plain_errors():
        _enter_project()
        compared = compare_runs(find_runs(Repository(Path.cwd()), revisions or ()))
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in compared], indent=2))
    else:
        _print_table("Trainings on the test subjects", HEADER, [one.row() for one in compared])
        if marked := caveat(compared):
            typer.echo(marked)


@app.command()
def versions(
    revision: Annotated[str, typer.Argument(help="The last commit, branch or tag to look at.")] = "HEAD",
    as_json: JsonOption = False,
) -> None:
    """List the versions of the dataset, and what each changed.

    Read from the tables in Git: no data need be there. Newest first; commits that left the dataset as it
    was are not listed.
    """
    from pipeline.versions.git import Repository
    from pipeline.versions.history import HEADER, history

    with _plain_errors(_READS):
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
    from pipeline.runtime.text import listed
    from pipeline.versions.diff import compare
    from pipeline.versions.diff_text import diff_markdown, diff_tables
    from pipeline.versions.git import Repository
    from pipeline.versions.image_diff import compare_images
    from pipeline.versions.stale import unbuilt
    from pipeline.versions.version import resolve_pair

    with _plain_errors(_READS):
        here = _enter_project()
        changes = compare(*resolve_pair(Repository(Path.cwd()), before, after, here))
        images = compare_images(changes)
        waiting = {version.name: found for version in changes.versions if (found := unbuilt(version))}
    if as_json:
        depth = {"image_changes": images.as_json() if images else None, "unbuilt": waiting}
        typer.echo(json.dumps(changes.as_json() | depth, indent=2))
    elif markdown:
        typer.echo(diff_markdown(changes, images))
    elif changes.is_empty:
        typer.echo(f"{changes.before.name} and {changes.after.name} are the same")
    else:
        for table in diff_tables(changes, images):
            _print_table(*table)
    for name, found in waiting.items() if not (as_json or markdown) else ():
        typer.echo(f"note: not built yet in {name}: {listed(found)}; run `dvc repro`")


@app.command()
def trace(
    what: Annotated[str, typer.Argument(help="An image's name or path, a picture file, or a clip.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Picture to draw (.png, .jpg): the source frame with its face; a clip's strip."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where an image comes from, or what became of every frame of a clip.

    The recording and the second, the face, the split and why, the settings and code of every stage. An
    image that was exported is recognised by its bytes, one that was saved again by its likeness.

    \b
    emo trace V01_happy_000050.png
    emo trace export/train/happy/000123.png --out source.png
    emo trace V01_happy --out strip.png
    """
    from pipeline.versions.trace.output import frame_table, trace_text
    from pipeline.versions.trace.trace import trace as trace_back

    with _plain_errors(_READS):
        here = _enter_project()
        found = trace_back(what, here)
        if out:
            from pipeline.versions.trace.drawing import draw

            draw(found, here / out, here / what)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    typer.echo(trace_text(found))
    if not found.frame:
        typer.echo()
        _print_table(*frame_table(found))
    if out:
        typer.echo(f"image: {out}")


@app.command()
def withdraw(
    subject: Annotated[str, typer.Argument(help="The participant's code.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without this, or with --dry-run, it is only shown.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go (the default).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase a participant who withdraws, everywhere, and prove it.

    Recordings, frames, faces, images, the memo, pictures, nets trained with the person, and the objects of
    every version in DVC's cache and remotes. Everybody else's data, splits and versions stay. A report for
    your files is written to reports/withdrawals/. Can be run again at any time; exit code 1 until all is
    reached and nothing is found.

    \b
    emo withdraw V03            # shows what would go
    emo withdraw V03 --yes
    """
    from pipeline.withdrawal.withdraw import preview
    from pipeline.withdrawal.withdraw import withdraw as erase

    with _plain_errors():
        _enter_project()
        if dry_run or not yes:
            plan = preview(subject)
            if as_json:
                typer.echo(json.dumps(plan.as_json(), indent=2))
            else:
                _print_table(*plan.table())
                _print_not_judged(plan.plan)
                typer.echo(f"nothing is changed yet; do it:  emo withdraw {subject} --yes")
            return
        outcome = erase(subject)
        _print_withdrawal(outcome, as_json)
    raise typer.Exit(0 if outcome.ok else 1)


@app.command()
def export(
    layout: Annotated[str, typer.Argument(help="imagefolder, webdataset or npz.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder, best outside of the project.")],
    anonymise: Annotated[
        bool,
        typer.Option(
            "--anonymise",
            help="Leave out subjects' codes, clips, frames and times; the faces still identify people.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the dataset for people who do not use Parquet.

    As PNG files in folders (imagefolder), tars (webdataset) or arrays (npz); see docs/export.md.
    """
    from pipeline.export.run import export as write_export

    with _plain_errors("nothing is exported"):
        here = _enter_project()
        exported = write_export(layout, here / folder, anonymise=anonymise)
    if as_json:
        typer.echo(json.dumps(exported.as_json(), indent=2))
    else:
        _print_table(*exported.table())


@app.command()
def models(
    recipes: Annotated[
        list[str] | None, typer.Argument(help="Recipes by name; all if none is named.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the nets that can be trained, layer by layer.

    For each recipe, as params.yaml sets it: the layers, the shape of what each gives, the numbers that it
    learns, its multiplications, and what the recipe follows.

    \b
    emo models
    emo models lenet vgg
    """
    from pipeline.learning.recipes_overview import describe

    with _plain_errors():
        _enter_project()
        found = list(describe(recipes or ()))
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in found], indent=2))
        return
    for one in found:
        _print_table(*one.table())
        typer.echo(f"after {one.recipe.SOURCE}\n")


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
    from pipeline.learning.predict import predict_files

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
    from pipeline.ingest.run import ingest as enrol

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
        f"plan: {len(plan.added)} clips to add ({plan.videos} files, {plan.size_bytes / 1e6:.1f} MB, "
        f"{len(plan.new_subjects)} new participants), {len(plan.unchanged)} already there"
    )


def _print_done(outcome: "Outcome") -> None:
    from pipeline.schema.expressions import EXPRESSIONS

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


def _print_withdrawal(outcome: "Withdrawal", as_json: bool) -> None:
    from pipeline.withdrawal.report import report_path
    from pipeline.withdrawal.withdraw import to_commit

    subject = outcome.plan.person.subject
    commit = to_commit(subject)
    if as_json:
        typer.echo(json.dumps(outcome.as_json() | {"commit": commit}, indent=2))
        return
    _print_table(*outcome.table())
    proof = outcome.proof
    typer.echo(
        f"searched: {proof.files:,} files, {proof.size_bytes / 1e6:,.1f} MB, for {proof.pictures:,} pictures "
        f"and pieces of recordings: {len(proof.found) or 'no'} file{'s' * (len(proof.found) != 1)} found"
    )
    for found in proof.found[:20]:
        typer.echo(f"FOUND: {found.place}: {found.what}")
    if proof.found:
        typer.echo(
            "       emo did not make these, or somebody put them back: look at them, and remove them yourself"
        )
    for remote in outcome.unreached:
        typer.echo(f"NOT REACHED: {remote.name}: {remote.reason}")
    for path in outcome.linked:
        typer.echo(f"note: {path} also stands under another name on this disk; remove the original yourself")
    _print_not_judged(outcome.plan)
    for note in filter(None, (outcome.note, outcome.history)):
        typer.echo(f"note: {note}")
    typer.echo(f"report: {report_path(subject)}")
    if not outcome.ok:
        typer.echo(f"not done yet: mend this and run `emo withdraw {subject} --yes` again")
    if commit:
        typer.echo(f"next:  git add {' '.join(commit)} && git commit -m 'Withdrawal of {subject}'")
        typer.echo("       dvc repro" + (" && dvc push" if outcome.has_remotes else ""))
        typer.echo(f"       git add dvc.lock data reports && git commit -m 'Built without {subject}'")


def _print_not_judged(plan: "WithdrawalPlan") -> None:
    for path in plan.not_judged:
        typer.echo(f"note: {path}: bears no mark of emo's; look whether it shows {plan.person.subject}")


def _print_table(title: str, header: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, title=title, title_justify="left", title_style="bold")
    for row in rows:
        table.add_row(*row)
    # Without a terminal (a log, a pipe) nothing should be cut to 80 columns. What users name is no markup.
    width = None if sys.stdout.isatty() else 140
    Console(width=width, markup=False, emoji=False).print(table)


if __name__ == "__main__":
    app()
