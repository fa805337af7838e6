"""What two versions of the dataset differ in, told in people, clips and images."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip
from pipeline.schema.split import SPLITS
from pipeline.versions.version import Version


@dataclass(frozen=True)
class Change:
    """One thing that is another than before."""

    what: str
    "a subject, a clip or a setting"
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Diff:
    """From one version to another; subjects and clips are those of people who consent."""

    before: Version
    after: Version
    subjects_added: tuple[str, ...]
    subjects_removed: tuple[str, ...]
    withdrawn: tuple[str, ...]
    "those who withdrew their consent, whether the dataset was built without them since or not"
    moved: tuple[Change, ...]
    "subjects that changed the split, under their code or with their recordings: there must be none"
    clips_added: tuple[str, ...]
    clips_removed: tuple[str, ...]
    relabelled: tuple[Change, ...]
    "clips of another expression"
    reassigned: tuple[Change, ...]
    "clips of another subject"
    recut: tuple[Change, ...]
    "clips of another stretch of the recording"
    replaced: tuple[str, ...]
    "clips whose recording has another content"
    edited: tuple[Change, ...]
    "other cells of the tables: sex, consent and fold of a subject, take and video of a clip"
    remade: tuple[tuple[str, str], ...]
    "(subject, expression) with other images than before, as many or not, of subjects in both"
    images: Mapping[tuple[str, str], tuple[int, int]]
    "(split, expression) -> images before and after"
    settings: tuple[Change, ...]
    code: Mapping[str, tuple[str, ...]]
    "stage -> source files that are new, gone or changed"

    @property
    def versions(self) -> tuple[Version, Version]:
        """Both versions."""
        return self.before, self.after

    @property
    def is_empty(self) -> bool:
        """Whether both versions are the same, with the same settings and code."""
        return not (self.changes_dataset or self.settings or self.code)

    @property
    def changes_dataset(self) -> bool:
        """Whether subjects, clips, splits or images differ."""
        people = (self.subjects_added, self.subjects_removed, self.withdrawn, self.moved, self.edited)
        clips = (self.clips_added, self.clips_removed, self.relabelled, self.reassigned, self.recut)
        counts = any(before != after for before, after in self.images.values())
        return any((*people, *clips, self.replaced, self.remade, counts))

    def phrases(self) -> list[str]:
        """Return what changed in short: `+2 subjects`, `1 clip relabelled` ..."""
        gone = [name for name in self.subjects_removed if name not in self.withdrawn]
        before, after = self.before.images, self.after.images
        said = [
            *_subjects(self.subjects_added, self.after, "+"),
            *_subjects(gone, self.before, "-"),
            f"{listed(self.withdrawn)} withdrew" if self.withdrawn else "",
            _many(len(self.clips_added), "clip", "+"),
            _many(len(self.clips_removed), "clip", "-"),
            *(
                f"{_many(len(changes), 'clip')} {word}" if changes else ""
                for word, changes in (
                    ("relabelled", self.relabelled),
                    ("given to another subject", self.reassigned),
                    ("recut", self.recut),
                    ("with another recording", self.replaced),
                )
            ),
            _many(abs(after - before), "image", "+" if after > before else "-"),
            "other images" if self.remade and after == before else "",
            f"edited: {listed([change.what for change in self.edited], 3)}" if self.edited else "",
            f"{_many(len(self.moved), 'subject')} MOVED between splits" if self.moved else "",
            f"params: {listed([change.what for change in self.settings], 3)}" if self.settings else "",
            f"code: {listed(self.code)}" if self.code else "",
        ]
        return [phrase for phrase in said if phrase]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        people = ("subjects_added", "subjects_removed", "withdrawn")
        clips = ("clips_added", "clips_removed", "replaced")
        changes = ("moved", "relabelled", "reassigned", "recut", "edited", "settings")
        return {
            "before": self.before.name,
            "after": self.after.name,
            **{name: list(getattr(self, name)) for name in (*people, *clips)},
            **{name: [vars(change) for change in getattr(self, name)] for name in changes},
            "remade": [{"subject": subject, "expression": name} for subject, name in self.remade],
            "images": [
                {"split": split, "expression": name, "before": counts[0], "after": counts[1]}
                for (split, name), counts in self.images.items()
            ],
            "code": {stage: list(paths) for stage, paths in self.code.items()},
        }


def compare(before: Version, after: Version) -> Diff:
    """Return what changed from one version to the other."""
    old, new = _clips(before), _clips(after)
    both = [(old[name], new[name]) for name in sorted(old.keys() & new.keys())]
    withdrawn = _withdrawn(before, after)
    return Diff(
        before=before,
        after=after,
        subjects_added=tuple(sorted(after.split.keys() - before.split.keys())),
        subjects_removed=tuple(sorted(before.split.keys() - after.split.keys())),
        withdrawn=withdrawn,
        moved=moves(before, after),
        clips_added=tuple(sorted(new.keys() - old.keys())),
        clips_removed=tuple(sorted(old.keys() - new.keys())),
        relabelled=_changes(both, "expression"),
        reassigned=_changes(both, "subject"),
        recut=_changes(both, "segment"),
        replaced=tuple(change.what for change in _changes(both, "sha256")),
        edited=(*_edited_people(before, after, withdrawn), *_edited_clips(both)),
        remade=_remade(before, after),
        images=_images(before, after),
        settings=_settings(before.settings, after.settings) if before.lock and after.lock else (),
        code=_code(before, after),
    )


def moves(before: Version, after: Version) -> tuple[Change, ...]:
    """Return who is not in the split of before: by code, and by recordings that have another code now.

    Codes can be exchanged while data/split.csv stays: `V01 as V03` has recordings that were V01's.
    """
    both = before.split.keys() & after.split.keys()
    people = [(name, name, name) for name in sorted(both)]
    people += [(f"{one} as {other}", one, other) for one, other in _renamed(before, after)]
    places = [(what, before.split[one].split, after.split[other].split) for what, one, other in people]
    return tuple(Change(*place) for place in places if place[1] != place[2])


def _renamed(before: Version, after: Version) -> list[tuple[str, str]]:
    """Return (subject before, subject after) of every recording that one lost and the other came by."""
    old, new = _owners(before), _owners(after)
    lost: dict[str, list[str]] = {}
    for content, subject in old - new:
        lost.setdefault(content, []).append(subject)
    return sorted({(one, other) for content, other in new - old for one in lost.get(content, ())})


def _owners(version: Version) -> set[tuple[str, str]]:
    """Return (SHA-256 of a recording, subject with a split whose it is)."""
    return {(clip.sha256, clip.subject) for clip in version.clips if clip.subject in version.split}


def _clips(version: Version) -> dict[str, Clip]:
    return {clip.clip: clip for clip in version.consented}


def _changes(both: Iterable[tuple[Clip, Clip]], name: str) -> tuple[Change, ...]:
    values = [(a.clip, getattr(a, name), getattr(b, name)) for a, b in both]
    return tuple(Change(clip, _text(a), _text(b)) for clip, a, b in values if a != b)


def _text(value: object) -> str:
    return f"{value[0]:g}..{value[1]:g} s" if isinstance(value, tuple) else str(value)


def _withdrawn(before: Version, after: Version) -> tuple[str, ...]:
    """Return who consented, or was in the dataset, and has a row in `after` that says otherwise."""
    known = {person.subject for person in after.people} | after.withdrawn
    return tuple(sorted((before.consenting | before.split.keys()) & known - after.consenting))


def _edited_people(before: Version, after: Version, withdrawn: Collection[str]) -> Iterator[Change]:
    """Yield other sexes, consents and folds; that somebody withdrew is told apart."""
    old, new = ({person.subject: person for person in version.people} for version in (before, after))
    for subject in sorted(old.keys() & new.keys()):
        yield from _cells(subject, old[subject], new[subject], ("sex",))
        if subject not in withdrawn:
            yield from _cells(subject, old[subject], new[subject], ("consent",))
    for subject in sorted(before.split.keys() & after.split.keys()):
        yield from _cells(subject, before.split[subject], after.split[subject], ("fold",))


def _edited_clips(both: Iterable[tuple[Clip, Clip]]) -> Iterator[Change]:
    for one, other in both:
        yield from _cells(one.clip, one, other, ("take", "video"))


def _cells(whose: str, one: object, other: object, names: Iterable[str]) -> Iterator[Change]:
    values = [(name, str(getattr(one, name)), str(getattr(other, name))) for name in names]
    yield from (Change(f"{whose} {name}", a or "-", b or "-") for name, a, b in values if a != b)


def _remade(before: Version, after: Version) -> tuple[tuple[str, str], ...]:
    """Return which digests of the census differ; subjects who came or went are left out."""
    old, new = _digests(before), _digests(after)
    other = before.split.keys() ^ after.split.keys()
    keys = sorted(key for key in old.keys() | new.keys() if key[0] not in other)
    return tuple(key for key in keys if old.get(key) != new.get(key))


def _digests(version: Version) -> dict[tuple[str, str], list[str]]:
    """Return the digests of the images of each subject and expression, in whatever split."""
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
    """Return the source files that differ, by stage; stages that one version has not run are left out."""
    found = {}
    for stage in after.lock.keys() & before.lock.keys():
        old, new = before.lock[stage].code, after.lock[stage].code
        paths = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
        if paths:
            found[stage] = tuple(paths)
    return {stage: found[stage] for stage in after.lock if stage in found}


def _subjects(names: Sequence[str], version: Version, sign: str) -> tuple[str, str]:
    """Return `+2 subjects`, and how many images without a subject."""
    images = sum(version.split[name].is_image for name in names)
    told = f"{_many(images, 'image', sign)} without a subject" if images else ""
    return _many(len(names) - images, "subject", sign), told


def _many(count: int, word: str, sign: str = "") -> str:
    """Return `+2 subjects`, `1 clip`, or nothing where there is none."""
    return f"{sign}{count:,} {word}{'s' * (count != 1)}" if count else ""
