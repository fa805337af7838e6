"""A diff as tables for a terminal, and as Markdown for a pull request."""

from pipeline.runtime.paths import CENSUS
from pipeline.runtime.text import TextTable, as_markdown, listed, markdown_table
from pipeline.schema.split import SPLITS
from pipeline.versions.diff import Diff
from pipeline.versions.image_diff import ImageChanges

_SHOWN = 12
"""Names that are listed; the others are counted."""


def diff_tables(diff: Diff, images: ImageChanges | None) -> list[TextTable]:
    """Return (title, header, rows) of the changes, then of the images by split and class."""
    title = f"{diff.before.name}  ->  {diff.after.name}"
    rows = [["subjects", *_counts(len(diff.before.split), len(diff.after.split)), _subjects(diff)]]
    if diff.before.caveat or diff.after.caveat:
        rows.append(["subjects known", *(version.caveat or "all" for version in diff.versions), ""])
    clips = (len(diff.before.processable_clips), len(diff.after.processable_clips))
    rows.append(["clips", *_counts(*clips), _clips(diff)])
    rows.append(["images", *_counts(diff.before.images, diff.after.images), _image_changes(diff, images)])
    moved = [str(change) for change in diff.moved]
    rows.append(["moved between splits", "", "", listed(moved, _SHOWN) if moved else "none"])
    rows += [["edited", change.before, change.after, change.what] for change in diff.edited[:_SHOWN]]
    if len(diff.edited) > _SHOWN:
        rows.append(["edited", "", "", f"{len(diff.edited) - _SHOWN} more"])
    rows += [["params", change.before, change.after, change.what] for change in diff.settings]
    rows += [["code", "", "", f"{stage}: {listed(paths, _SHOWN)}"] for stage, paths in diff.code.items()]
    return [(title, ["", "before", "after", "change"], rows), _image_table(diff)]


def diff_markdown(diff: Diff, images: ImageChanges | None) -> str:
    """Return the tables in GitHub's Markdown."""
    parts = [f"### Dataset: {as_markdown('; '.join(diff.phrases()) or 'no change')}"]
    for title, header, rows in diff_tables(diff, images):
        if rows:
            parts.append(f"**{as_markdown(title)}**\n\n{markdown_table(header, rows)}")
    return "\n\n".join(parts) + "\n"


def _counts(before: int, after: int) -> tuple[str, str]:
    return f"{before:,}", f"{after:,}"


def _subjects(diff: Diff) -> str:
    before, after = diff.before.split, diff.after.split
    added = [f"+ {name} ({after[name].sex or '?'}, {after[name].split})" for name in diff.subjects_added]
    gone = [f"- {name} ({_why(diff, name)}{before[name].split})" for name in diff.subjects_removed]
    left = [f"{name} (withdrew, still in {after[name].split})" for name in diff.withdrawn if name in after]
    return listed([*added, *gone, *left], _SHOWN) or "unchanged"


def _why(diff: Diff, subject: str) -> str:
    return "withdrew, was in " if subject in diff.withdrawn else "was in "


def _clips(diff: Diff) -> str:
    lists = (("+", diff.clips_added), ("-", diff.clips_removed), ("new recording:", diff.replaced))
    parts = [f"{sign} {listed(names, _SHOWN)}" for sign, names in lists if names]
    changes = (
        ("relabelled", diff.relabelled),
        ("excluded", diff.excluded),
        ("included again", diff.included),
        ("reassigned", diff.reassigned),
        ("recut", diff.recut),
    )
    parts += [f"{word}: {listed(map(str, found), _SHOWN)}" for word, found in changes if found]
    return "; ".join(parts) or "unchanged"


def _image_changes(diff: Diff, images: ImageChanges | None) -> str:
    if images is None:
        remade = [f"{subject} {name}" for subject, name in diff.remade]
        changed = f"changed: {listed(remade, _SHOWN)}; " if remade else ""
        return f"{changed}counts only, the shards of both versions are not here"
    both = images.same + images.changed + images.relabelled
    lacking = (diff.before.images - both - images.removed, diff.after.images - both - images.added)
    if (gone := max(lacking)) > 0:
        return f"{images}; {gone:,} no longer here, a subject withdrew"
    if (more := -min(lacking)) > 0:
        return f"{images}; {more:,} more than {CENSUS} counts"
    return str(images)


def _image_table(diff: Diff) -> TextTable:
    classes = sorted({name for _, name in diff.images})
    rows = []
    for split in SPLITS:
        counts = [diff.images.get((split, name), (0, 0)) for name in classes]
        if any(map(any, counts)):
            rows.append([split, *(_cell(*pair) for pair in counts)])
    return "Images by split and class", ["split", *classes], rows


def _cell(before: int, after: int) -> str:
    return f"{after:,} ({after - before:+,})" if after != before else f"{after:,}"
