"""`emo diff`: what changed between two versions of the dataset."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import (
    READ_ONLY,
    JsonOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
)


def diff(
    before: Annotated[
        str, typer.Argument(help="First version: commit, branch or tag; or A..B, A...B.")
    ] = "HEAD",
    after: Annotated[
        str | None, typer.Argument(help="Second version. Default: the workspace.", show_default=False)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what changed between two versions of the dataset, in subjects.

    Lists the subjects, clips and images that were added, removed or relabelled, the subjects that changed
    split (there must be none), and the params and code that changed. A version is a commit, branch or tag,
    the folder of another clone, or FOLDER@REV. The tables in Git are compared, and single images if the data
    of both versions are here.

    \b
    emo diff                    # the workspace against the last commit
    emo diff v1 v2
    emo diff main...HEAD        # what a branch adds since it left main
    emo diff ../other-clone
    """
    from pipeline.runtime.text import listed
    from pipeline.versions.diff import compare
    from pipeline.versions.diff_text import diff_markdown, diff_tables
    from pipeline.versions.git import Repository
    from pipeline.versions.image_diff import compare_images
    from pipeline.versions.stale import unbuilt
    from pipeline.versions.version import resolve_pair

    with one_line_errors(READ_ONLY):
        here = enter_project()
        changes = compare(*resolve_pair(Repository(Path.cwd()), before, after, here))
        images = compare_images(changes)
        waiting = {version.name: found for version in changes.versions if (found := unbuilt(version))}
    if as_json:
        depth = {"image_changes": images.as_json() if images else None, "unbuilt": waiting}
        print_json(changes.as_json() | depth)
        return
    if markdown:
        echo(diff_markdown(changes, images))
        return
    if changes.is_empty:
        echo(f"{changes.before.name} and {changes.after.name} are the same")
    for table in () if changes.is_empty else diff_tables(changes, images):
        print_table(*table)
    for name, found in waiting.items():
        echo(f"note: not built yet in {name}: {listed(found)}; run `dvc repro`")
