"""The dataset card: README.md of data/dataset, with the header that Hugging Face tools read.

Its sections ask what the datasheets of Gebru et al. (Communications of the ACM 64, 2021) ask, as far as
tables and settings know the answers. What they do not know, the card calls not known.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from statistics import median
from typing import Any

import yaml

from pipeline.core.dataset import SPLITS, CensusRow
from pipeline.core.enrolment import GIVEN, WITHDRAWN, Clip, Participant
from pipeline.core.subjectless import in_full, subjects_mark

TITLE = "Faces of simulated expressions"
TAGS = ("facial-expression-recognition", "faces", "simulated-expressions", "subject-wise-split")
NOT_KNOWN = "not known"

_SHOWN = 5
"""Resolutions, frame rates or codecs that are named one by one."""

_FEW = 5
"""People of whom on ages are told: the threshold of official statistics for small groups is 3 to 10."""

_MAGNITUDES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))

_SIMULATED = (
    "The expressions are simulated on request: they are not felt emotions, and a model trained on them does "
    "not measure any."
)

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

Clips are the labelled stretches of video that the images come from.{without}

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


@dataclass(frozen=True)
class Facts:
    """What a version of the dataset is described from: tables of the project, and its settings."""

    classes: Sequence[str]
    "the expressions, in the order of their labels"
    census: Sequence[CensusRow]
    people: Sequence[Participant]
    "everybody in raw/participants.csv, also who withdrew"
    clips: Sequence[Clip]
    "those of people whose consent is given"
    funnel: Mapping[str, int]
    "frames by what became of them: `sampled` first, `images` last"
    found: Mapping[str, tuple[int, int]]
    "by subject: frames with an accepted face, frames searched for one; nobody without such a frame"
    params: Mapping[str, Any]
    "the sections of params.yaml that made the dataset: frames, faces, dedup, split, dataset"

    @property
    def splits(self) -> list[str]:
        """The splits that hold an image."""
        return [name for name in SPLITS if any(row.split == name for row in self.census)]

    @property
    def images(self) -> int:
        """The number of images."""
        return sum(row.images for row in self.census)

    def subjects(self, split: str | None = None) -> list[Participant]:
        """Return the people with an image, in one split or in all."""
        present = {row.subject for row in self.census if split in (None, row.split)}
        return [person for person in self.people if person.subject in present]

    @property
    def alone(self) -> frozenset[str]:
        """The subjects that are no people, but images of corpora without subjects."""
        return frozenset(person.subject for person in self.people if person.is_image)

    @property
    def whose(self) -> str:
        """What a subject is called: a participant, where every one is."""
        return "subject" if self.mark else "participant"

    @property
    def mark(self) -> str:
        """What stands beside every figure where images have no subject; empty where all have one."""
        subjects = self.subjects()
        return subjects_mark(sum(person.is_image for person in subjects), len(subjects))


def dataset_card(facts: Facts) -> str:
    """Return the Markdown of the card."""
    return _header(facts) + _BODY.format(
        title=TITLE,
        summary=summary(facts),
        whose=facts.whose,
        columns=_columns(facts),
        images=_image_table(facts),
        without=_without_images(facts),
        people=_people_table(facts),
        collection=collection(facts.clips, facts.alone),
        videos=_bullets(_videos(facts.clips)),
        preprocessing=_bullets(preprocessing(facts.params, facts.clips)),
        funnel=_funnel_table(facts.funnel),
        settings="".join(yaml.safe_dump({name: values}) for name, values in facts.params.items()),
        splits=splitting(facts.params["split"]) + _drawn_alone(facts),
        limits=_bullets(limits(facts) + biases(facts)),
        consent=_bullets(consent(facts.people)),
    )


def _header(facts: Facts) -> str:
    """Return the YAML header, as `huggingface_hub.DatasetCardData` and `datasets` know it."""
    files = [{"split": name, "path": f"{name}/*.parquet"} for name in facts.splits]
    values = {
        "pretty_name": TITLE,
        "license": "unknown",
        "task_categories": ["image-classification"],
        "size_categories": [magnitude(facts.images)],
        "tags": list(TAGS),
        "configs": [{"config_name": "default", "data_files": files}],
    }
    return f"---\n{yaml.safe_dump(values, sort_keys=False)}---\n"


def magnitude(images: int) -> str:
    """Return the size category in Hugging Face's words."""
    return next((name for limit, name in _MAGNITUDES if images < limit), "1M<n<10M")


# --- Sentences, which croissant.json shares ---------------------------------------------------------


def summary(facts: Facts) -> str:
    """Say in two or three sentences what the dataset is."""
    if facts.mark:
        return (
            f"{_count(facts.images, 'face image')}, labelled as {len(facts.classes)} expressions: "
            f"{', '.join(facts.classes)}. Built by emo. Subjects: {in_full(facts.mark)}."
        )
    return (
        f"{_count(facts.images, 'face image')} of {_count(len(facts.subjects()), 'participant')} who "
        f"simulate {len(facts.classes)} expressions: {', '.join(facts.classes)}. Built by emo from video "
        "recordings; every participant is in exactly one split, so that test figures are about people whom "
        "a model has not seen."
    )


def collection(clips: Sequence[Clip], alone: Set[str] = frozenset()) -> str:
    """Say how much was recorded of whom, and how the labels came about.

    `alone` are the subjects that are images.
    """
    people = [clip for clip in clips if clip.subject not in alone]
    images = len(clips) - len(people)
    found = (
        f"{_count(images, 'picture')} of nobody known, with the labels of the corpus that they are from: how "
        "they were taken and labelled, and whether the expressions are simulated, it must tell."
    )
    return " ".join([_recorded(people)] * bool(people) + [found] * bool(images))


def _recorded(clips: Sequence[Clip]) -> str:
    videos = _by_video(clips)
    stills = sum(clip.is_still for clip in videos)
    kinds = [_count(n, what) for n, what in ((len(videos) - stills, "video"), (stills, "picture")) if n]
    return (
        f"{' and '.join(kinds)} of {_count(len({c.subject for c in clips}), 'participant')}, "
        f"{_duration(sum(clip.duration_s for clip in videos))} in total, with "
        f"{_count(len(clips), 'labelled clip')} of {_count(len({c.take for c in clips}), 'performance')}. "
        "The participants simulated each expression on request; what was asked for is the label of the clip "
        "and of all images from it."
    )


def preprocessing(params: Mapping[str, Any], clips: Sequence[Clip] = ()) -> list[str]:
    """Say what was done to the videos and pictures, in the order of the stages."""
    stills = any(clip.is_still for clip in clips)
    return [
        _sampling(params["frames"]) + (" Pictures: taken whole, nothing is trimmed." if stills else ""),
        _searching(params["faces"]),
        _cropping(params["faces"]["crop"]),
        _deduplicating(params["dedup"]),
    ]


def splitting(split: Mapping[str, Any]) -> str:
    """Say by which rule the participants were split."""
    shares = {"train": 1 - split["validation"] - split["test"]} | {n: split[n] for n in SPLITS[1:]}
    return (
        f"Participants are split, not images: {', '.join(f'{s:.0%} {name}' for name, s in shares.items())}. "
        f"In the order of enrolment, each is drawn at random (seed {split['seed']}) into one of the splits "
        "that keep every split within one person of its quota, both among the participants of the same sex "
        "and among all. Enrolling more people therefore moves nobody, and whoever withdraws leaves a place "
        f"that nobody takes. By the same rule each participant has one of {split['folds']} folds for "
        "cross-validation; they are in the project's data/split.csv, not in the dataset."
    )


def _drawn_alone(facts: Facts) -> str:
    if not facts.mark:
        return ""
    return (
        " An image without a subject is drawn like a participant, by itself: its corpus's own sets are not "
        "kept, and near-duplicates among such images were collapsed to one, whatever their labels."
    )


def limits(facts: Facts) -> list[str]:
    """Name what the dataset cannot tell."""
    fewest = min(len(facts.subjects(name)) for name in facts.splits)
    unknown = (
        f"Subjects: {in_full(facts.mark)}. One person may be in several splits, which flatters every figure "
        "on the test images. Felt or simulated, expressions are no measure of what anybody feels."
    )
    return [
        *([unknown] if facts.mark else [_SIMULATED]),
        "An image has the label of its clip; whether it shows that expression has not been checked.",
        "Images of one clip, and of one person, resemble each other: they are no independent samples. "
        f"The smallest split has {_count(fewest, facts.whose)}; intervals should come from resampling "
        "people, not images.",
    ]


def biases(facts: Facts) -> list[str]:
    """Name whom the dataset shows less well, with the figures that are known."""
    return [
        _found(facts),
        "The splits are balanced by number and sex only, not by age, ancestry or anything else.",
        "Groups of few people say little about others of their sex or age, and what is told about so few "
        "may give away who takes part.",
    ]


def _found(facts: Facts) -> str:
    if facts.params["faces"]["detector"] == "none":
        return "The pictures came as faces, cropped already: whom that left out is not known."
    return (
        "Haar cascades find frontal faces: heads that are turned away, masks and strong glare give no image. "
        + _yields(facts)
    )


def consent(people: Sequence[Participant]) -> list[str]:
    """Say who agreed, and what a participant can do."""
    images = sum(person.is_image for person in people)
    asked = [person for person in people if not person.is_image]
    gave, withdrew = (sum(person.consent == word for person in asked) for word in (GIVEN, WITHDRAWN))
    gone = f"{withdrew} withdrew it: nothing of theirs is in this version or in the figures above"
    rest = gone if withdrew else "nobody withdrew it"
    nobody = f"Who is on {_count(images, 'image')}, and whether they agreed, is for the corpus to tell."
    return [
        *([f"The consent of {_count(gave, 'participant')} is given; {rest}."] if asked else []),
        *([nobody] if images else []),
        "Faces identify people, whatever code stands for their name: the images are personal data.",
        "No licence is known. What may be done with the images is what the participants agreed to; ask those "
        "you have the dataset from before you pass it on.",
        "Participants who want to be erased tell those who recorded them, who run `emo withdraw` and ask "
        "everybody with a copy to replace it by the next version.",
    ]


def _sampling(frames: Mapping[str, Any]) -> str:
    return (
        f"Frames: {frames['fps']:g} a second, by timestamp, at most {frames['max_per_clip']} a clip, without "
        f"the first {frames['trim_start_s']:g} s and the last {frames['trim_end_s']:g} s, in which the "
        f"expression comes and goes; longer side at most {frames['max_side']} pixels."
    )


def _searching(faces: Mapping[str, Any]) -> str:
    if faces["detector"] == "none":
        return "Faces: the pictures are faces, cropped already; each was taken whole."
    search = faces["search"]
    second = search["second_opinion"]
    return (
        f"Faces: found by the Haar cascade {search['cascade']}"
        + (f", or by {second} where that finds nothing" if second != "none" else "")
        + ", and followed through the clip; a frame counts where one person alone can be meant."
    )


def _cropping(crop: Mapping[str, Any]) -> str:
    return (
        f"Crops: squares around the face with a margin of {crop['margin']:.0%} of its side, scaled to "
        f"{crop['side_px']}x{crop['side_px']} pixels, {crop['colour']}; contrast: {crop['contrast']}; "
        f"noise filter: {crop['denoise']}; blurred below a variance of the Laplacian of "
        f"{crop['min_sharpness']:g}."
    )


def _deduplicating(dedup: Mapping[str, Any]) -> str:
    if not dedup["collapse"]:
        return "Near-duplicates: kept."
    return (
        f"Near-duplicates: of faces in one performance whose perceptual hashes of 256 bits differ by at most "
        f"{dedup['max_distance']} bits, the sharpest was kept."
    )


def _yields(facts: Facts) -> str:
    """Say in which share of the frames a face was accepted: over all, by sex, and of the worst subject."""
    sexes = {person.subject: person.sex or f"sex {NOT_KNOWN}" for person in facts.people}
    groups: dict[str, list[tuple[int, int]]] = {}
    for subject, counts in facts.found.items():
        groups.setdefault(sexes[subject], []).append(counts)
    by_sex = ", ".join(f"{sex} {_share(groups[sex])}" for sex in sorted(groups))
    worst = min(facts.found.values(), key=lambda counts: counts[0] / counts[1])
    return (
        f"A face was accepted in {_share(facts.found.values())} of the frames ({by_sex}); of the participant "
        f"for whom the search did worst, in {_share([worst])}."
    )


def _share(counts: Iterable[tuple[int, int]]) -> str:
    faces, frames = map(sum, zip(*counts, strict=True))
    return f"{faces / frames:.1%}"


# --- Tables and lists -------------------------------------------------------------------------------


def _columns(facts: Facts) -> str:
    labels = ", ".join(f"{label} {name}" for label, name in enumerate(facts.classes))
    return _table(
        ("column", "holds"),
        [
            ("`image`", "the face, PNG"),
            ("`label`", labels),
            ("`subject`", "code of the participant" + (", or of the image itself" if facts.mark else "")),
            ("`clip`", "the labelled stretch of video it was cut from"),
            ("`frame`", "index in the video's stream"),
            ("`time_s`", "seconds from the video's first frame"),
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
    """Tell of people who agreed and are not in the dataset all the same."""
    missing = sum(person.consent == GIVEN for person in facts.people) - len(facts.subjects())
    return f" {_count(missing, facts.whose)} with consent gave no image." if missing else ""


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
    videos = _by_video(clips)
    moving = [video for video in videos if not video.is_still]
    what = "video" if len(moving) == len(videos) else "recording" if moving else "picture"
    rates = f"Frames a second: {_kinds((f'{round(video.fps, 2):g}' for video in moving), 'video')}"
    return [
        f"Resolution in pixels: {_kinds((f'{video.width}x{video.height}' for video in videos), what)}",
        *([rates] if moving else []),
        f"Codec: {_kinds((video.codec for video in videos), what)}",
    ]


def _by_video(clips: Sequence[Clip]) -> list[Clip]:
    """Return one clip of each video; what probing found is the same in all of them."""
    return list({clip.video: clip for clip in clips}.values())


def _kinds(values: Iterable[str], what: str) -> str:
    """Return the most frequent values with their counts, and how many recordings have yet another."""
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{value} ({_count(n, what)})" for value, n in counts[:_SHOWN]]
    rest = sum(n for _, n in counts[_SHOWN:])
    return ", ".join(shown) + (f", others ({_count(rest, what)})" if rest else "")


def _funnel_table(funnel: Mapping[str, int]) -> str:
    total = max(funnel["sampled"], 1)
    rows = [
        (name.replace("_", " "), f"{n:,}", f"{n / total:.1%}", _MEANINGS.get(name, ""))
        for name, n in funnel.items()
    ]
    return _table(("", "frames", "share", ""), rows)


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
