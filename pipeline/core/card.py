"""The dataset card: README.md of data/dataset, with the header that Hugging Face tools read."""

from collections.abc import Sequence

from pipeline.core.dataset import SPLITS, CensusRow

_HEADER = """---
configs:
- config_name: default
  data_files:
{files}
task_categories:
- image-classification
size_categories:
- {magnitude}
---
"""

_BODY = """# Faces of simulated expressions

{images} face images of {subjects} participants who simulate {n} expressions: {classes}. Built by emo
from video recordings. A participant is in exactly one split, so test figures are about unseen people.

| split | subjects | images | {classes_row} |
|---|---|---|{rules}|
{rows}

Each row of a shard is one image with `label` (position in the list of expressions above), `subject`,
`clip`, `frame` (index in the recording's stream) and `time_s` (seconds from its first frame). The
expressions are simulated on request: they are not measurements of felt emotion.

```python
from datasets import load_dataset
faces = load_dataset("data/dataset")
```
"""


def dataset_card(census: Sequence[CensusRow], classes: Sequence[str]) -> str:
    """Return the Markdown of the card for a census."""
    present = [split for split in SPLITS if any(row.split == split for row in census)]
    images = sum(row.images for row in census)
    files = "\n".join(f"  - split: {name}\n    path: {name}/*.parquet" for name in present)
    body = _BODY.format(
        images=images,
        subjects=len({row.subject for row in census}),
        n=len(classes),
        classes=", ".join(classes),
        classes_row=" | ".join(classes),
        rules="|".join("---" for _ in classes),
        rows="\n".join(_row(split, census, classes) for split in present),
    )
    return _HEADER.format(files=files, magnitude=_magnitude(images)) + body


def _row(split: str, census: Sequence[CensusRow], classes: Sequence[str]) -> str:
    rows = [row for row in census if row.split == split]
    counts = [sum(row.images for row in rows if row.expression == name) for name in classes]
    return (
        f"| {split} | {len({row.subject for row in rows})} | {sum(counts)} | "
        + " | ".join(map(str, counts))
        + " |"
    )


def _magnitude(images: int) -> str:
    """Return the size category in Hugging Face's words."""
    for limit, name in ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K")):
        if images < limit:
            return name
    return "100K<n<1M" if images < 10**6 else "n>1M"
