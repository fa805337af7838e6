"""The tables of the dataset card, in Markdown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from pipeline.dataset.card.facts import NOT_KNOWN, Facts, recordings_of
from pipeline.runtime.text import as_code, as_markdown, counted, markdown_table
from pipeline.schema.clips import Clip
from pipeline.schema.funnel import STATUS_MEANINGS
from pipeline.schema.participants import Participant

SMALLEST_GROUP = 5
"""Smallest group for which ages are published; official statistics use thresholds of 3 to 10."""

_LISTED = 5
"""Resolutions, frame rates or codecs that are listed one by one."""

_SEXES = ("F", "M", "X", "")


def column_table(facts: Facts) -> str:
    """Return the columns of a shard and what they hold."""
    labels = ", ".join(f"{label} {name}" for label, name in enumerate(facts.classes))
    columns = {"image": "face crop, PNG", "label": labels} | facts.column_meanings
    return markdown_table(("column", "content"), [(as_code(name), text) for name, text in columns.items()])


def image_table(facts: Facts) -> str:
    """Return the number of subjects, clips and images by split."""
    rows = [(name, len(facts.subjects(name)), *_counts(facts, name)) for name in facts.splits]
    total = ("all", len(facts.subjects()), *_counts(facts))
    return markdown_table(
        ("split", f"{facts.subject_word}s", "clips", "images", *facts.classes), [*rows, total]
    )


def _counts(facts: Facts, split: str | None = None) -> list[int]:
    """Return the numbers of clips, of images, and of images of each class, in one split or in all."""
    rows = [row for row in facts.census if split in (None, row.split)]
    by_class = [sum(row.images for row in rows if row.expression == name) for name in facts.classes]
    return [sum(row.clips for row in rows), sum(by_class), *by_class]


def participant_table(facts: Facts) -> str:
    """Return sex and age of the participants by split.

    Ages of small groups are not shown; the row `all` is left out too if it would reveal them.
    """
    ages = {name: _ages(facts.subjects(name)) for name in facts.splits}
    hidden = sum(len(values) for values in ages.values() if _is_small(len(values)))
    rows = [
        (name, *_demographics(facts.subjects(name), hide_ages=_is_small(len(ages[name]))))
        for name in facts.splits
    ]
    total = ("all", *_demographics(facts.subjects(), hide_ages=_is_small(hidden)))
    header = ("split", "F", "M", "X", f"sex {NOT_KNOWN}", "age in years", "median age")
    return markdown_table(header, [*rows, total])


def _ages(participants: Iterable[Participant]) -> list[float]:
    return [person.age for person in participants if person.age is not None]


def _is_small(number: int) -> bool:
    """Return whether so many ages are hidden: the range of two ages would be the ages themselves."""
    return 0 < number < SMALLEST_GROUP


def _demographics(subjects: Iterable[Participant], *, hide_ages: bool) -> list[object]:
    """Return the number of participants of each sex, the range of their ages and the median age."""
    participants = [subject for subject in subjects if not subject.is_image]
    sexes = Counter(person.sex for person in participants)
    counts = [sexes[sex] for sex in _SEXES]
    ages = _ages(participants)
    if hide_ages:
        return [*counts, f"not shown for fewer than {SMALLEST_GROUP}", ""]
    if not ages:
        return [*counts, NOT_KNOWN, NOT_KNOWN]
    span = " to ".join(f"{age:g}" for age in sorted({min(ages), max(ages)}))
    unknown = len(participants) - len(ages)
    return [*counts, span + (f" ({unknown} {NOT_KNOWN})" if unknown else ""), f"{median(ages):g}"]


def recording_lines(clips: Sequence[Clip]) -> list[str]:
    """Return resolution, frame rate and codec of the recordings, each with the number of recordings."""
    recordings = recordings_of(clips)
    videos = [clip for clip in recordings if not clip.is_still]
    what = "video" if len(videos) == len(recordings) else "recording" if videos else "still image"
    sizes = _frequencies((f"{clip.width}x{clip.height}" for clip in recordings), what)
    rates = _frequencies((f"{round(clip.fps, 2):g}" for clip in videos), "video")
    return [
        f"Resolution in pixels: {sizes}",
        *([f"Frames per second: {rates}"] if videos else []),
        f"Codec: {_frequencies((clip.codec for clip in recordings), what)}",
    ]


def _frequencies(values: Iterable[str], what: str) -> str:
    """Return the most frequent values with their counts, and the number of recordings with other values."""
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{as_markdown(value)} ({counted(number, what)})" for value, number in counts[:_LISTED]]
    rest = sum(number for _, number in counts[_LISTED:])
    return ", ".join(shown) + (f", others ({counted(rest, what)})" if rest else "")


def funnel_table(facts: Facts) -> str:
    """Return the number and share of the sampled frames by status."""
    total = max(facts.funnel["sampled"], 1)
    rows = [
        (name.replace("_", " "), f"{number:,}", f"{number / total:.1%}", STATUS_MEANINGS.get(name, ""))
        for name, number in facts.funnel.items()
    ]
    return markdown_table(("status", "frames", "share", "meaning"), rows)
