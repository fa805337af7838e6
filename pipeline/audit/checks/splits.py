"""Checks of the split: as drawn, in its quotas, and never moved."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.audit.gate.check import Finding, Scope, Topic, UnavailableError, check, verdict
from pipeline.dataset.split.subjects import SplitParams, rules, split_subjects
from pipeline.runtime.paths import FUNNEL, SPLIT
from pipeline.runtime.text import listed
from pipeline.schema.census import CensusRow
from pipeline.schema.participants import GIVEN, Participant
from pipeline.schema.split import SPLITS, SplitRow
from pipeline.versions.diff import moves
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.version import Version

LEAST_SHARE = 0.5
"""Of the images of a class that a split would have in proportion."""

FEWEST_EXPECTED = 5
"""Images in proportion, below which a class says nothing in a split: chance alone halves them."""

FEWEST_PEOPLE = 5
"""People with images, below which a split is told, not faulted: of two, one clip is half a class."""


@dataclass(frozen=True)
class Excess:
    """How far a number of people in a split is from its quota."""

    group: str
    split: str
    people: float
    "more than the quota; negative: fewer"

    def __str__(self) -> str:
        return f"{self.group} in {self.split}: {self.people:+.1f} people"


@check("split as drawn", Topic.SPLITS, Scope.ENROLLED)
def splits_as_drawn(
    people: Sequence[Participant], split: Mapping[str, SplitRow], split_params: SplitParams
) -> Finding:
    """data/split.csv is what the draw gives to these people in the order of their enrolment."""
    drawn = {row.subject: row for row in split_subjects(people, split_params)}
    faults = [
        f"{name}: {_place(split.get(name))} in {SPLIT}, drawn for {_place(drawn.get(name))}"
        for name in sorted(drawn.keys() | split.keys())
        if _place(split.get(name)) != _place(drawn.get(name))
    ]
    remedy = "`dvc repro --force split` draws it anew"
    return verdict(faults, f"{len(drawn)} subjects, seed {split_params.seed}", remedy)


def _place(row: SplitRow | None) -> str:
    return f"{row.split} (fold {row.fold})" if row else "no split"


@check("sexes within quota", Topic.SPLITS, Scope.ENROLLED)
def sexes_in_quota(
    people: Sequence[Participant], split: Mapping[str, SplitRow], split_params: SplitParams
) -> Finding:
    """Within F, within M and over both, every split is as near to its quota as the draw promises.

    The promise is about everybody ever enrolled: those who withdrew count where they were drawn for, so
    that the holes they leave are nobody's fault.
    """
    limit = rules(split_params)[0].limit
    everybody = split_subjects([replace(person, consent=GIVEN) for person in people], split_params)
    places = {row.subject: split.get(row.subject, row).split for row in everybody}
    found = sorted(_excesses(people, places, split_params), key=lambda excess: -abs(excess.people))
    faults = [str(excess) for excess in found if abs(excess.people) > limit + 1e-9]
    fine = f"farthest from its quota, {found[0]}" if found else "nobody is enrolled"
    return verdict(faults, f"{fine}; {limit:g} allowed", f"{limit:g} allowed")


def _excesses(
    people: Sequence[Participant], places: Mapping[str, str], params: SplitParams
) -> Iterator[Excess]:
    groups = {"F": ("F",), "M": ("M",), "F and M": ("F", "M"), "others": ("X", "")}
    for group, sexes in groups.items():
        counts = Counter(places[person.subject] for person in people if person.sex in sexes)
        for name, share in zip(SPLITS, params.shares, strict=True):
            if counts:
                yield Excess(group, name, counts[name] - share * counts.total())


@check("classes in proportion", Topic.SPLITS)
def classes_in_proportion(census: Sequence[CensusRow]) -> Finding:
    """No split of five people or more has less than half of the images of a class in proportion.

    In proportion: as large a share of the split as of the whole dataset. Smaller splits are told.
    """
    images = Counter({(row.split, row.expression): 0 for row in census})
    for row in census:
        images[row.split, row.expression] += row.images
    by_split, by_class = _sums(images, 0), _sums(images, 1)
    people = Counter(split for split, _ in {(row.split, row.subject) for row in census if row.images})
    counted = [
        (images[split, name], by_split[split] * by_class[name] / max(images.total(), 1), name, split)
        for split in by_split
        for name in by_class
    ]
    telling = sorted(
        (n / expected, f"{name} in {split}: {n} images, {expected:.1f} in proportion", split)
        for n, expected, name, split in counted
        if expected >= FEWEST_EXPECTED
    )
    low = [(told, split) for share, told, split in telling if share < LEAST_SHARE]
    faults = [told for told, split in low if people[split] >= FEWEST_PEOPLE]
    return verdict(faults, _fewest(telling, people), f"{FUNNEL} says where they went")


def _fewest(telling: Sequence[tuple[float, str, str]], people: Mapping[str, int]) -> str:
    """Return the class that misses the most, and how few people it is of where that excuses it."""
    if not telling:
        return "too few images to tell"
    share, told, split = telling[0]
    few = f", of {people[split]} people only" if share < LEAST_SHARE else ""
    return f"fewest, {told}{few}"


def _sums(images: Mapping[tuple[str, str], int], part: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for key, count in images.items():
        sums[key[part]] += count
    return sums


@check("no subject changed split", Topic.SPLITS, Scope.ENROLLED)
def nobody_moved(here: Version, earlier: Sequence[Version], cut_note: str = "") -> Finding:
    """Everybody is in the split in which earlier versions, newest first, had them.

    So are all recordings, under whatever code. `cut_note` tells what could not be seen; versions that cannot be
    read are named, and hide no other. Raises UnavailableError where no version is earlier.
    """
    known = [version for version in earlier if version.split]
    unread = [f"{version.name}: {version.fault}" for version in earlier if version.fault]
    note = cut_note + (f"; not readable: {listed(unread, 3)}" if unread else "")
    if not known:
        raise UnavailableError(f"no commit has {SPLIT}{note}")
    told: dict[str, str] = {}
    for version in known:
        why = _settings(version, here)
        for change in moves(version, here):
            text = f"{change.what}: {change.before} in {version.name}, {change.after} now{why}"
            told.setdefault(change.what, text)
    seen = f"{len(known)} version{'s' * (len(known) != 1)} in Git"
    return verdict(told.values(), f"{len(here.split)} subjects, compared with {seen}{note}")


def _settings(before: Version, after: Version) -> str:
    """Return which settings of the stage split changed, in brackets; empty where none did."""
    old, new = (version.lock.get("split", StageLock()).params for version in (before, after))
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    changed = [f"{key}: {old.get(key)} -> {new.get(key)}" for key in keys]
    return f" ({listed(changed)})" if changed else ""
