"""The dataset card: README.md of data/dataset, with the header that Hugging Face tools read.

Its sections ask what the datasheets of Gebru et al. (Communications of the ACM 64, 2021) ask, as far as
tables and settings know the answers. What they do not know, the card calls not known.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import yaml

from pipeline.dataset.card.facts import Facts
from pipeline.dataset.card.sentences import (
    NOT_KNOWN,
    biases,
    by_video,
    collection,
    columns,
    consent,
    drawn_alone,
    in_kinds,
    limits,
    preprocessing,
    splitting,
    summary,
)
from pipeline.runtime.text import counted
from pipeline.schema.clips import Clip
from pipeline.schema.participants import GIVEN, Participant

TITLE = "Faces of simulated expressions"
TAGS = ("facial-expression-recognition", "faces", "simulated-expressions", "subject-wise-split")

_SHOWN = 5
"""Resolutions, frame rates or codecs that are named one by one."""

_FEW = 5
"""People of whom on ages are told: the threshold of official statistics for small groups is 3 to 10."""

_MAGNITUDES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))


_MEANINGS = {
    "sampled": "looked at",
    "corrupt": "could not be decoded whole",
    "no_face": "no face was found, or none that could be followed",
    "several_faces": "two people could have been meant",
    "too_small": "the face was too small",
    "blurred": "the face was not sharp enough",
    "duplicates": "a sharper near-duplicate was kept",
    "other_class": "the expression is none of the dataset's",
    "images": "in the dataset",
}
"""By column of reports/funnel.csv; a column that is not here has no explanation."""

_BODY = """# {title}

{summary}

## How to load it

```python
from datasets import load_dataset

faces = load_dataset("data/dataset")  # or the folder that holds this file
```

The folder holds a Parquet file for every {whose}, `<split>/<subject>.parquet`, with a row for every
image:

{columns}

`croissant.json` describes the same files, with their checksums, in Croissant 1.0, for example for
`mlcroissant.Dataset("data/dataset/croissant.json").records("images")`.

## Composition

{images}

Clips are the labelled {stretches} that the images come from.{without}

{people}

## Collection

{collection}

{videos}

When, where, by whom and for which purpose they were recorded is not known to the program that wrote this
card; ask those you have the dataset from.

## Preprocessing

{preprocessing}

What became of the frames:

{funnel}

The settings, as they stand (and are explained) in the project's params.yaml:

```yaml
{settings}```

## Splits

{splits}

## Known limits

{limits}

## Consent

{consent}
"""


def dataset_card(facts: Facts) -> str:
    """Return the Markdown of the card."""
    return _header(facts) + _BODY.format(
        title=TITLE,
        summary=summary(facts),
        whose=facts.whose,
        columns=_columns(facts),
        images=_image_table(facts),
        stretches=in_kinds(facts.clips, "stretches of video", "pictures"),
        without=_without_images(facts),
        people=_people_table(facts),
        collection=collection(facts.clips, facts.alone),
        videos=_bullets(_videos(facts.clips)),
        preprocessing=_bullets(preprocessing(facts.params, facts.clips)),
        funnel=_funnel_table(facts.funnel),
        settings="".join(yaml.safe_dump({name: values}) for name, values in facts.params.items()),
        splits=splitting(facts.params["split"]) + drawn_alone(facts),
        limits=_bullets(limits(facts) + biases(facts)),
        consent=_bullets(consent(facts.people)),
    )


def _header(facts: Facts) -> str:
    """Return the YAML header, as `huggingface_hub.DatasetCardData` and `datasets` know it.

    `datasets` loads a folder from its cache where it has seen this header before, whatever lies in the
    folder by now: only the description, with the version, tells it that the images are others.
    """
    files = [{"split": name, "path": f"{name}/*.parquet"} for name in facts.splits]
    values = {
        "pretty_name": TITLE,
        "license": "unknown",
        "task_categories": ["image-classification"],
        "size_categories": [magnitude(facts.images)],
        "tags": list(TAGS),
        "configs": [
            {"config_name": "default", "data_files": files, "description": f"version {facts.version}"}
        ],
    }
    return f"---\n{yaml.safe_dump(values, sort_keys=False)}---\n"


def magnitude(images: int) -> str:
    """Return the size category in Hugging Face's words."""
    return next((name for limit, name in _MAGNITUDES if images < limit), "1M<n<10M")


# --- Tables and lists -------------------------------------------------------------------------------


def _columns(facts: Facts) -> str:
    labels = ", ".join(f"{label} {name}" for label, name in enumerate(facts.classes))
    return _table(
        ("column", "holds"),
        [
            ("`image`", "the face, PNG"),
            ("`label`", labels),
            *((f"`{name}`", text) for name, text in columns(facts).items()),
        ],
    )


def _image_table(facts: Facts) -> str:
    rows = [(name, len(facts.subjects(name)), *_counts(facts, name)) for name in facts.splits]
    total = ("all", len(facts.subjects()), *_counts(facts))
    return _table(("split", f"{facts.whose}s", "clips", "images", *facts.classes), [*rows, total])


def _counts(facts: Facts, split: str | None = None) -> list[int]:
    """Return clips, images, and images of each class, in one split or in all."""
    rows = [row for row in facts.census if split in (None, row.split)]
    by_class = [sum(row.images for row in rows if row.expression == name) for name in facts.classes]
    return [sum(row.clips for row in rows), sum(by_class), *by_class]


def _without_images(facts: Facts) -> str:
    """Tell who agreed, and which pictures of nobody known are enrolled, and are not in the dataset."""
    gave = {person.subject for person in facts.subjects()}
    missing = [person for person in facts.people if person.consent == GIVEN and person.subject not in gave]
    pictures = sum(person.is_image for person in missing)
    people = len(missing) - pictures
    return (f" {counted(people, 'participant')} with consent gave no image." if people else "") + (
        f" {counted(pictures, 'picture')} of nobody known gave no image." if pictures else ""
    )


def _people_table(facts: Facts) -> str:
    """Return people by split; where all hidden ages together are of a few, the total would give them away."""
    ages = {name: _ages(facts.subjects(name)) for name in facts.splits}
    hidden = sum(len(found) for found in ages.values() if _are_few(len(found)))
    rows = [(name, *_people(facts.subjects(name), _are_few(len(ages[name])))) for name in facts.splits]
    header = ("split", "F", "M", "X", f"sex {NOT_KNOWN}", "age in years", "median age")
    return _table(header, [*rows, ("all", *_people(facts.subjects(), _are_few(hidden)))])


def _ages(people: Sequence[Participant]) -> list[float]:
    return [person.age for person in people if person.age is not None]


def _are_few(ages: int) -> bool:
    """Return whether so many ages are not told: of two people, the range would be the ages themselves."""
    return 0 < ages < _FEW


def _people(people: Sequence[Participant], is_hidden: bool) -> list[object]:
    """Return the number of each sex, and unless they are hidden the range of the ages and their median."""
    people = [person for person in people if not person.is_image]
    sexes = Counter(person.sex for person in people)
    ages = _ages(people)
    if is_hidden:
        return [*(sexes[sex] for sex in ("F", "M", "X", "")), f"not told of fewer than {_FEW}", ""]
    span = " to ".join(f"{age:g}" for age in sorted({min(ages), max(ages)})) if ages else NOT_KNOWN
    gap = f" ({len(people) - len(ages)} {NOT_KNOWN})" if 0 < len(ages) < len(people) else ""
    middle = f"{median(ages):g}" if ages else NOT_KNOWN
    return [*(sexes[sex] for sex in ("F", "M", "X", "")), span + gap, middle]


def _videos(clips: Sequence[Clip]) -> list[str]:
    """Return what probing found, with the number of videos of each kind."""
    videos = by_video(clips)
    moving = [video for video in videos if not video.is_still]
    what = "video" if len(moving) == len(videos) else "recording" if moving else "picture"
    rates = f"Frames a second: {_kinds((f'{round(video.fps, 2):g}' for video in moving), 'video')}"
    return [
        f"Resolution in pixels: {_kinds((f'{video.width}x{video.height}' for video in videos), what)}",
        *([rates] if moving else []),
        f"Codec: {_kinds((video.codec for video in videos), what)}",
    ]


def _kinds(values: Iterable[str], what: str) -> str:
    """Return the most frequent values with their counts, and how many recordings have yet another."""
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{value} ({counted(n, what)})" for value, n in counts[:_SHOWN]]
    rest = sum(n for _, n in counts[_SHOWN:])
    return ", ".join(shown) + (f", others ({counted(rest, what)})" if rest else "")


def _funnel_table(funnel: Mapping[str, int]) -> str:
    total = max(funnel["sampled"], 1)
    rows = [
        (name.replace("_", " "), f"{n:,}", f"{n / total:.1%}", _MEANINGS.get(name, ""))
        for name, n in funnel.items()
    ]
    return _table(("", "frames", "share", ""), rows)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
