"""README.md of an export: for people who get nothing but the folder."""

from pipeline.export.images import Images
from pipeline.export.layout import Layout
from pipeline.schema.image_subjects import full_caveat

_TEXT = """# Faces of simulated expressions

{about}

| split | {subjects} | images | {classes} |
|---|---|---|{rules}|
{rows}

Labels: {labels}.
Of each image is told: {columns}.

## Files

{shape}

```python
{load}
```

## Before you use it or pass it on

**Faces identify people.** These images are personal data wherever they lie. Use them only for what the
participants consented to, and pass them on only if they consented to that. The export grants no licence; ask
whoever gave it to you. A participant may withdraw consent later: keep track of where copies are.

{anonymity}
"""

_PEOPLE = """{images} face images of {people} people who simulate {n} expressions on request, cut from their
recordings and exported by emo. They are no measurements of felt emotion. The splits are by person: no one is
in two."""

_NOBODY = """{images} face images, labelled as {n} expressions and exported by emo. They are no measurements
of felt emotion. Subjects: {caveat}. **One person may be in several splits**, which flatters every figure on the
test."""

_COLUMNS = {
    "subject": "`subject` (the participant's code)",
    "clip": "`clip` (the recording's stretch)",
    "frame": "`frame` (index in the recording's stream)",
    "time_s": "`time_s` (seconds from its first frame)",
    "person": "`person` (a number from 1 that images of one subject share, to cross-validate over subjects)",
}

_NAMED = """Subjects' codes and clips' names are those of the recordings; `emo export --anonymise` leaves them
out."""

_ANONYMOUS = """This export is without subjects' codes, clips' names, frame numbers and times, and its PNGs
hold nothing but pixels. Images and people are numbered in the order of the PNGs' SHA-256. **That does not
make the people anonymous:** whoever knows a face recognises it, software does so at scale, and whoever holds
the dataset can find each image in it."""


def readme(images: Images, layout: Layout) -> str:
    """Return the Markdown that goes with an export."""
    about = (_NOBODY if images.caveat else _PEOPLE).format(
        images=len(images.rows),
        people=sum(images.people(split) for split in images.splits),
        n=len(images.classes),
        caveat=full_caveat(images.caveat),
    )
    return _TEXT.format(
        about=about,
        subjects="subjects" if images.caveat else "people",
        classes=" | ".join(images.classes),
        rules="|".join("---" for _ in images.classes),
        rows="\n".join(_rows(images)),
        labels=", ".join(f"{label} {name}" for label, name in enumerate(images.classes)),
        columns=", ".join(_COLUMNS[name] for name in images.columns),
        shape=layout.shape,
        load=layout.load,
        anonymity=_ANONYMOUS if images.anonymous else _NAMED,
    )


def _rows(images: Images) -> list[str]:
    """Return the rows of the table of people and images by split and class."""
    return [
        f"| {split} | {images.people(split)} | {sum(counts.values())} | "
        + " | ".join(map(str, counts.values()))
        + " |"
        for split, counts in images.counts().items()
    ]
