"""A diff as people read it: tables for a terminal, Markdown for a pull request."""

from collections.abc import Sequence

from pipeline.runtime.paths import CENSUS
from pipeline.runtime.text import TextTable, listed
from pipeline.schema.split import SPLITS
from pipeline.versions.diff import Diff
from pipeline.versions.image_diff import ImageChanges

_SHOWN = 12
"""Names listed before the rest is counted."""


def diff_tables(diff: Diff, images: ImageChanges | None) -> list[TextTable]:
    """Return (title, header, rows): what changed, then the images by split and class."""
    title = f"{diff.before.name}  ->  {diff.after.name}"
    rows = [["subjects", *_counts(len(diff.before.split), len(diff.after.split)), _subjects(diff)]]
    if diff.before.caveat or diff.after.caveat:
        rows.append(["subjects known", *(version.caveat or "all" for version in diff.versions), ""])
    clips = (len(diff.before.consented), len(diff.after.consented))
    rows.append(["clips", *_counts(*clips), _clips(diff)])
    rows.append(["images", *_counts(diff.before.images, diff.after.images), _depth(diff, images)])
    moved = [str(change) for change in diff.moved]
    rows.append(["moved between splits", "", "", listed(moved, _SHOWN) if moved else "nobody"])
    rows += [["edited", change.before, change.after, change.what] for change in diff.edited[:_SHOWN]]
    rows += [["edited", "", "", f"{len(diff.edited) - _SHOWN} more"]] * (len(diff.edited) > _SHOWN)
    rows += [["params", change.before, change.after, change.what] for change in diff.settings]
    rows += [["code", "", "", f"{stage}: {listed(paths, _SHOWN)}"] for stage, paths in diff.code.items()]
    return [(title, ["", "before", "after", "change"], rows), _image_table(diff)]


def diff_markdown(diff: Diff, images: ImageChanges | None) -> str:
    """Return the tables as GitHub shows them."""
    parts = [f"### Dataset: {'; '.join(diff.phrases()) or 'no change'}"]
    for title, header, rows in diff_tables(diff, images):
        if rows:
            parts.append(f"**{title}**\n\n{_markdown(header, rows)}")
    return "\n\n".join(parts) + "\n"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _counts(before: int, after: int) -> tuple[str, str]:
    return f"{before:,}", f"{after:,}"


def _subjects(diff: Diff) -> str:
    here, there = diff.after.split, diff.before.split
    added = [f"+ {name} ({here[name].sex or '?'}, {here[name].split})" for name in diff.subjects_added]
    gone = [f"- {name} ({_why(diff, name)}{there[name].split})" for name in diff.subjects_removed]
    stay = [f"{name} (withdrew, still in {here[name].split})" for name in diff.withdrawn if name in here]
    return listed([*added, *gone, *stay], _SHOWN) if added or gone or stay else "the same"


def _why(diff: Diff, subject: str) -> str:
    return "withdrew, was in " if subject in diff.withdrawn else "was in "


def _clips(diff: Diff) -> str:
    lists = (("+", diff.clips_added), ("-", diff.clips_removed), ("another recording:", diff.replaced))
    said = [f"{sign} {listed(names, _SHOWN)}" for sign, names in lists if names]
    changes = (("relabelled", diff.relabelled), ("subject", diff.reassigned), ("recut", diff.recut))
    said += [f"{word}: {listed(found, _SHOWN)}" for word, found in changes if found]
    return "; ".join(said) or "the same"


def _depth(diff: Diff, images: ImageChanges | None) -> str:
    if images is None:
        remade = [f"{subject} {name}" for subject, name in diff.remade]
        others = f"others than before: {listed(remade, _SHOWN)}; " if remade else ""
        return f"{others}counts only: the shards of both versions are not here"
    both = images.same + images.changed + images.relabelled
    lacking = (diff.before.images - both - images.removed, diff.after.images - both - images.added)
    if (gone := max(lacking)) > 0:
        return f"{images}; {gone:,} no longer here: somebody withdrew"
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
