"""README.md of an export, for recipients who get only the folder."""

from pipeline.export.image_store import ImageStore
from pipeline.export.layout import Layout
from pipeline.runtime.text import counted, markdown_table
from pipeline.schema.image_subjects import full_caveat

_TEMPLATE = """# Faces of simulated expressions

{about}

{table}

Labels: {labels}.
Columns of each image: {columns}.

## Files

{files}

```python
{load}
```

## Before you use it or pass it on

**Faces identify people.** These images are personal data wherever they are stored. Use them only for what the
participants consented to, and pass them on only if they consented to that. The export grants no licence; ask
the person who gave it to you. Participants may withdraw consent later: keep a record of all copies.
{consent}
{anonymity}
"""

_PARTICIPANTS = """{images} face images of {subjects} participants who simulate {classes} expressions on
request, cut from their recordings and exported by emo. They do not measure felt emotion. Each participant is
in exactly one split."""

_IMAGE_SUBJECTS = """{images} face images, labelled as {classes} expressions and exported by emo. They do not
measure felt emotion. Subjects: {caveat}. **One person may appear in several splits**, which makes all test
metrics too optimistic."""

_CONSENT = """
**It is not recorded whether {subjects} consented.** Ask who gave you this export before you use it.
"""

_COLUMNS = {
    "subject": "`subject` (the participant's code)",
    "clip": "`clip` (the labelled stretch of a recording)",
    "frame": "`frame` (index among the recording's frames)",
    "time_s": "`time_s` (seconds of the player's clock)",
    "person": "`person` (a number from 1 for each subject, for cross-validation over subjects)",
}

_NAMED = """Subject codes and clip names are those of the recordings; `emo export --anonymise` leaves them
out."""

_ANONYMOUS = """This export has no subject codes, clip names, frame numbers or times, and its PNGs hold
nothing but pixels. Images and subjects are numbered in the order of the PNGs' SHA-256. **This does not make
the participants anonymous:** anyone who knows a face recognises it, face recognition software does so at
scale, and anyone with access to the dataset can find each image in it."""


def readme(images: ImageStore, layout: Layout) -> str:
    """Return the README of an export, in Markdown."""
    unknown = images.consent_unknown
    about = (_IMAGE_SUBJECTS if images.caveat else _PARTICIPANTS).format(
        images=len(images.rows),
        subjects=sum(images.subject_count(split) for split in images.splits),
        classes=len(images.classes),
        caveat=full_caveat(images.caveat),
    )
    return _TEMPLATE.format(
        about=about,
        table=_split_table(images),
        labels=", ".join(f"{label} {name}" for label, name in enumerate(images.classes)),
        columns=", ".join(_COLUMNS[name] for name in images.columns),
        files=layout.files,
        load=layout.load,
        consent=_CONSENT.format(subjects=counted(unknown, "subject")) if unknown else "",
        anonymity=_ANONYMOUS if images.anonymous else _NAMED,
    )


def _split_table(images: ImageStore) -> str:
    rows = [
        [split, images.subject_count(split), sum(counts.values()), *counts.values()]
        for split, counts in images.counts().items()
    ]
    subjects = "subjects" if images.caveat else "participants"
    return markdown_table(["split", subjects, "images", *images.classes], rows)
