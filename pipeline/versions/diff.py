"""The differences between two versions of the dataset, in subjects, clips and images."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.runtime.text import counted, listed
from pipeline.schema.clips import Clip
from pipeline.schema.split import SPLITS
from pipeline.versions.decision_diff import Ruling, excluded, phrases, relabelled
from pipeline.versions.version import Version


@dataclass(frozen=True)
class Change:
    """One changed value."""

    what: str
    "The subject, clip or setting, with the column if it is a cell."
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Diff:
    """The changes from one version to another; clips are those of subjects who have not withdrawn."""

    before: Version
    after: Version
    subjects_added: tuple[str, ...]
    subjects_removed: tuple[str, ...]
    withdrawn: tuple[str, ...]
    "Subjects who withdrew, even if the dataset was not yet rebuilt without them."
    moved: tuple[Change, ...]
    "Subjects that changed split, by their id or by their recordings; there must be none."
    clips_added: tuple[str, ...]
    clips_removed: tuple[str, ...]
    relabelled: tuple[Ruling, ...]
    "Clips whose expression changed, by decision or by hand."
    excluded: tuple[Ruling, ...]
    "Clips of which decisions exclude more."
    included: tuple[Ruling, ...]
    "Clips of which decisions exclude less."
    reassigned: tuple[Change, ...]
    "Clips whose subject changed."
    recut: tuple[Change, ...]
    "Clips whose stretch of the recording changed."
    replaced: tuple[str, ...]
    "Clips whose recording changed in content."
    edited: tuple[Change, ...]
    "Other cells of the tables: sex, consent and fold of a subject, take and video of a clip."
    remade: tuple[tuple[str, str], ...]
    "(subject, expression) whose images changed, of subjects in both versions; their number may be equal."
    images: Mapping[tuple[str, str], tuple[int, int]]
    "(split, expression) -> number of images before and after."
    settings: tuple[Change, ...]
    "Settings with which the outputs were made."
    code: Mapping[str, tuple[str, ...]]
    "stage -> folders and files of its code that changed."

    @property
    def versions(self) -> tuple[Version, Version]:
        """Both versions."""
        return self.before, self.after

    @property
    def is_empty(self) -> bool:
        """Whether the versions have the same dataset, settings and code."""
        return not (self.changes_dataset or self.settings or self.code)

    @property
    def changes_dataset(self) -> bool:
        """Whether subjects, clips, splits or images differ."""
        subjects = (self.subjects_added, self.subjects_removed, self.withdrawn, self.moved, self.edited)
        clips = (self.clips_added, self.clips_removed, self.relabelled, self.reassigned, self.recut)
        decided = (self.excluded, self.included)
        counts = any(before != after for before, after in self.images.values())
        return any((*subjects, *clips, *decided, self.replaced, self.remade, counts))

    def phrases(self) -> list[str]:
        """Return the changes in short: `+2 subjects`, `1 clip relabelled`, ..."""
        gone = [name for name in self.subjects_removed if name not in self.withdrawn]
        before, after = self.before.images, self.after.images
        found = [
            *_subjects(self.subjects_added, self.after, "+"),
            *_subjects(gone, self.before, "-"),
            f"{listed(self.withdrawn)} withdrew" if self.withdrawn else "",
            _signed("+", len(self.clips_added), "clip"),
            _signed("-", len(self.clips_removed), "clip"),
            *phrases(self.relabelled, self.excluded, self.included),
            *(
                f"{counted(len(changes), 'clip')} {word}" if changes else ""
                for word, changes in (
                    ("reassigned", self.reassigned),
                    ("recut", self.recut),
                    ("with a new recording", self.replaced),
                )
            ),
            _signed("+" if after > before else "-", abs(after - before), "image"),
            "images changed" if self.remade and after == before else "",
            f"edited: {listed([change.what for change in self.edited], 3)}" if self.edited else "",
            f"{counted(len(self.moved), 'subject')} MOVED between splits" if self.moved else "",
            f"params: {listed([change.what for change in self.settings], 3)}" if self.settings else "",
            f"code: {listed(self.code)}" if self.code else "",
        ]
        return [phrase for phrase in found if phrase]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        subjects = ("subjects_added", "subjects_removed", "withdrawn")
        clips = ("clips_added", "clips_removed", "replaced")
        decided = ("relabelled", "excluded", "included")
        changes = ("moved", *decided, "reassigned", "recut", "edited", "settings")
        return {
            "before": self.before.name,
            "after": self.after.name,
            **{name: list(getattr(self, name)) for name in (*subjects, *clips)},
            **{name: [vars(change) for change in getattr(self, name)] for name in changes},
            "remade": [{"subject": subject, "expression": name} for subject, name in self.remade],
            "images": [
                {"split": split, "expression": name, "before": counts[0], "after": counts[1]}
                for (split, name), counts in self.images.items()
            ],
            "code": {stage: list(paths) for stage, paths in self.code.items()},
        }


def compare(before: Version, after: Version) -> Diff:
    """Return the changes from one version to another."""
    old, new = _clips(before), _clips(after)
    both = [(old[name], new[name]) for name in sorted(old.keys() & new.keys())]
    withdrawn = _withdrawn(before, after)
    more, less = excluded(before, after)
    return Diff(
        before=before,
        after=after,
        subjects_added=tuple(sorted(after.split.keys() - before.split.keys())),
        subjects_removed=tuple(sorted(before.split.keys() - after.split.keys())),
        withdrawn=withdrawn,
        moved=moves(before, after),
        clips_added=tuple(sorted(new.keys() - old.keys())),
        clips_removed=tuple(sorted(old.keys() - new.keys())),
        relabelled=relabelled(before, after),
        excluded=more,
        included=less,
        reassigned=_changes(both, "subject"),
        recut=_changes(both, "segment"),
        replaced=tuple(change.what for change in _changes(both, "sha256")),
        edited=(*_edited_subjects(before, after, withdrawn), *_edited_clips(both)),
        remade=_remade(before, after),
        images=_images(before, after),
        settings=_settings(before.settings, after.settings) if before.lock and after.lock else (),
        code=_code(before, after),
    )


def moves(before: Version, after: Version) -> tuple[Change, ...]:
    """Return the subjects that changed split: by their id, and by recordings that now have another id.

    Ids can be exchanged while data/split.csv stays the same: `V01 as V03` means recordings of V01 that are
    listed for V03 now.
    """
    both = before.split.keys() & after.split.keys()
    pairs = [(name, name, name) for name in sorted(both)]
    pairs += [(f"{one} as {other}", one, other) for one, other in _renamed(before, after)]
    splits = [(what, before.split[one].split, after.split[other].split) for what, one, other in pairs]
    return tuple(Change(*change) for change in splits if change[1] != change[2])


def _renamed(before: Version, after: Version) -> list[tuple[str, str]]:
    """Return (subject before, subject after) of every recording that changed subject."""
    old, new = _owners(before), _owners(after)
    lost: dict[str, list[str]] = {}
    for content, subject in old - new:
        lost.setdefault(content, []).append(subject)
    return sorted({(one, other) for content, other in new - old for one in lost.get(content, ())})


def _owners(version: Version) -> set[tuple[str, str]]:
    """Return (SHA-256 of a recording, its subject) for all subjects with a split."""
    return {(clip.sha256, clip.subject) for clip in version.clips if clip.subject in version.split}


def _clips(version: Version) -> dict[str, Clip]:
    return {clip.clip: clip for clip in version.processable_clips}


def _changes(both: Iterable[tuple[Clip, Clip]], name: str) -> tuple[Change, ...]:
    values = [(a.clip, getattr(a, name), getattr(b, name)) for a, b in both]
    return tuple(Change(clip, _shown(a), _shown(b)) for clip, a, b in values if a != b)


def _shown(value: object) -> str:
    """Return a cell, or the segment of a clip, as text."""
    return f"{value[0]:g}..{value[1]:g} s" if isinstance(value, tuple) else str(value)


def _withdrawn(before: Version, after: Version) -> tuple[str, ...]:
    """Return the subjects who were enrolled or in the dataset before, and are withdrawn now."""
    known = {participant.subject for participant in after.participants} | after.withdrawn
    return tuple(sorted((before.processable | before.split.keys()) & known - after.processable))


def _edited_subjects(before: Version, after: Version, withdrawn: Collection[str]) -> Iterator[Change]:
    """Yield changes of sex, consent and fold; the consent of subjects who withdrew is left out."""
    old, new = (
        {participant.subject: participant for participant in version.participants}
        for version in (before, after)
    )
    for subject in sorted(old.keys() & new.keys()):
        yield from _cells(subject, old[subject], new[subject], ("sex",))
        if subject not in withdrawn:
            yield from _cells(subject, old[subject], new[subject], ("consent",))
    for subject in sorted(before.split.keys() & after.split.keys()):
        yield from _cells(subject, before.split[subject], after.split[subject], ("fold",))


def _edited_clips(both: Iterable[tuple[Clip, Clip]]) -> Iterator[Change]:
    for one, other in both:
        yield from _cells(one.clip, one, other, ("take", "video"))


def _cells(row: str, one: object, other: object, names: Iterable[str]) -> Iterator[Change]:
    values = [(name, str(getattr(one, name)), str(getattr(other, name))) for name in names]
    yield from (Change(f"{row} {name}", a or "-", b or "-") for name, a, b in values if a != b)


def _remade(before: Version, after: Version) -> tuple[tuple[str, str], ...]:
    """Return (subject, expression) whose digests in the census differ, of subjects in both versions."""
    old, new = _digests(before), _digests(after)
    other = before.split.keys() ^ after.split.keys()
    keys = sorted(key for key in old.keys() | new.keys() if key[0] not in other)
    return tuple(key for key in keys if old.get(key) != new.get(key))


def _digests(version: Version) -> dict[tuple[str, str], list[str]]:
    """Return the digests of the images by subject and expression, in any split."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in sorted(version.census, key=lambda row: row.digest):
        found.setdefault((row.subject, row.expression), []).append(row.digest)
    return found


def _images(before: Version, after: Version) -> dict[tuple[str, str], tuple[int, int]]:
    old, new = _counts(before), _counts(after)
    keys = sorted(old.keys() | new.keys(), key=lambda key: (SPLITS.index(key[0]), key[1]))
    return {key: (old[key], new[key]) for key in keys}


def _counts(version: Version) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in version.census:
        counts[row.split, row.expression] += row.images
    return counts


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    keys = sorted(before.keys() | after.keys())
    values = [(key, before.get(key, "-"), after.get(key, "-")) for key in keys]
    return tuple(Change(key, str(a), str(b)) for key, a, b in values if a != b)


def _code(before: Version, after: Version) -> dict[str, tuple[str, ...]]:
    """Return the folders and files of code that differ, by stage, for stages that ran in both versions."""
    found = {}
    for stage in after.lock.keys() & before.lock.keys():
        old, new = before.lock[stage].code, after.lock[stage].code
        paths = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
        if paths:
            found[stage] = tuple(paths)
    return {stage: found[stage] for stage in after.lock if stage in found}


def _subjects(names: Sequence[str], version: Version, sign: str) -> tuple[str, str]:
    """Return `+2 subjects`, and the number of images without a subject; each empty if there are none."""
    images = sum(version.split[name].is_image for name in names)
    unknown = f"{_signed(sign, images, 'image')} without a subject" if images else ""
    return _signed(sign, len(names) - images, "subject"), unknown


def _signed(sign: str, count: int, thing: str) -> str:
    """Return `+2 subjects`; empty for 0."""
    return f"{sign}{counted(count, thing)}" if count else ""
