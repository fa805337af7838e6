"""Checks of the split: as drawn, within its quotas, and never changed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.audit.gate.check import Finding, Scope, Topic, UnavailableError, check, verdict
from pipeline.dataset.split.subjects import SplitParams, rules, split_subjects
from pipeline.runtime.paths import FUNNEL, SPLIT
from pipeline.runtime.text import listed
from pipeline.schema.census import CensusRow
from pipeline.schema.participants import UNKNOWN, Participant
from pipeline.schema.split import SPLITS, SplitRow
from pipeline.versions.diff import moves
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.version import Version

LEAST_SHARE = 0.5
"""A split needs at least this share of its proportional number of images of a class."""

FEWEST_EXPECTED = 5
"""With fewer expected images, a class of a split is not judged: chance alone can halve them."""

FEWEST_SUBJECTS = 5
"""Splits with fewer subjects are reported, not judged: with two subjects, one clip is half a class."""


@dataclass(frozen=True)
class Excess:
    """How far the number of subjects in a split is from its quota."""

    group: str
    split: str
    subjects: float
    "Number of subjects above the quota; negative if below."

    def __str__(self) -> str:
        return f"{self.group} in {self.split}: {self.subjects:+.1f} subjects"


@check("split as drawn", Topic.SPLITS, Scope.ENROLLED)
def splits_as_drawn(
    participants: Sequence[Participant], split: Mapping[str, SplitRow], split_params: SplitParams
) -> Finding:
    """data/split.csv equals the draw repeated for these participants in their order of enrolment."""
    drawn = {row.subject: row for row in split_subjects(participants, split_params)}
    violations = [
        f"{name}: {_place(split.get(name))} in {SPLIT}, the draw gives {_place(drawn.get(name))}"
        for name in sorted(drawn.keys() | split.keys())
        if _place(split.get(name)) != _place(drawn.get(name))
    ]
    remedy = "`dvc repro --force split` redraws it"
    return verdict(violations, f"{len(drawn)} subjects, seed {split_params.seed}", remedy)


def _place(row: SplitRow | None) -> str:
    return f"{row.split} (fold {row.fold})" if row else "no split"


@check("sexes within quota", Topic.SPLITS, Scope.ENROLLED)
def sexes_in_quota(
    participants: Sequence[Participant], split: Mapping[str, SplitRow], split_params: SplitParams
) -> Finding:
    """Within F, within M and over both, every split is as close to its quota as the draw guarantees.

    The guarantee is about all subjects ever enrolled: withdrawn subjects count in the split that they were
    drawn into, so that the slots they leave are no violation.
    """
    limit = rules(split_params)[0].limit
    ever = split_subjects(
        [replace(participant, consent=UNKNOWN) for participant in participants], split_params
    )
    places = {row.subject: split.get(row.subject, row).split for row in ever}
    found = sorted(_excesses(participants, places, split_params), key=lambda excess: -abs(excess.subjects))
    violations = [str(excess) for excess in found if abs(excess.subjects) > limit + 1e-9]
    fine = f"farthest from its quota, {found[0]}" if found else "no subject is enrolled"
    return verdict(violations, f"{fine}; {limit:g} allowed", f"{limit:g} allowed")


def _excesses(
    participants: Sequence[Participant], places: Mapping[str, str], params: SplitParams
) -> Iterator[Excess]:
    groups = {"F": ("F",), "M": ("M",), "F and M": ("F", "M"), "others": ("X", "")}
    for group, sexes in groups.items():
        counts = Counter(places[one.subject] for one in participants if one.sex in sexes)
        for name, share in zip(SPLITS, params.shares, strict=True):
            if counts:
                yield Excess(group, name, counts[name] - share * counts.total())


@check("classes in proportion", Topic.SPLITS)
def classes_in_proportion(census: Sequence[CensusRow]) -> Finding:
    """No split of five subjects or more has less than half of its proportional share of a class.

    Proportional: as large a share of the split as of the whole dataset. Smaller splits are only reported.
    """
    images = Counter({(row.split, row.expression): 0 for row in census})
    for row in census:
        images[row.split, row.expression] += row.images
    by_split, by_class = _sums(images, 0), _sums(images, 1)
    subjects = Counter(split for split, _ in {(row.split, row.subject) for row in census if row.images})
    counted = [
        (images[split, name], by_split[split] * by_class[name] / max(images.total(), 1), name, split)
        for split in by_split
        for name in by_class
    ]
    counts = sorted(
        (n / expected, f"{name} in {split}: {n} images, {expected:.1f} expected", split)
        for n, expected, name, split in counted
        if expected >= FEWEST_EXPECTED
    )
    low = [(text, split) for share, text, split in counts if share < LEAST_SHARE]
    violations = [text for text, split in low if subjects[split] >= FEWEST_SUBJECTS]
    return verdict(violations, _fewest(counts, subjects), f"{FUNNEL} shows where frames were lost")


def _fewest(counts: Sequence[tuple[float, str, str]], subjects: Mapping[str, int]) -> str:
    """Return the scarcest class, with the number of subjects of its split if that is too small to judge."""
    if not counts:
        return "too few images to judge"
    share, text, split = counts[0]
    few = f", in a split of {subjects[split]} subjects" if share < LEAST_SHARE else ""
    return f"scarcest: {text}{few}"


def _sums(images: Mapping[tuple[str, str], int], part: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for key, count in images.items():
        sums[key[part]] += count
    return sums


@check("no subject changed split", Topic.SPLITS, Scope.ENROLLED)
def no_subject_moved(here: Version, earlier: Sequence[Version], cut_note: str = "") -> Finding:
    """Every subject and every recording is in the same split as in earlier versions.

    `earlier` are versions, newest first; `cut_note` says which could not be seen. Versions that cannot be
    read are listed; the others are still compared. Raises UnavailableError if there is no earlier version.
    """
    known = [version for version in earlier if version.split]
    unread = [f"{version.name}: {version.error}" for version in earlier if version.error]
    note = cut_note + (f"; not readable: {listed(unread, 3)}" if unread else "")
    if not known:
        raise UnavailableError(f"no commit has {SPLIT}{note}")
    moved: dict[str, str] = {}
    for version in known:
        why = _settings(version, here)
        for change in moves(version, here):
            text = f"{change.what}: {change.before} in {version.name}, {change.after} now{why}"
            moved.setdefault(change.what, text)
    seen = f"{len(known)} version{'s' * (len(known) != 1)} in Git"
    return verdict(moved.values(), f"{len(here.split)} subjects, compared with {seen}{note}")


def _settings(before: Version, after: Version) -> str:
    """Return the settings of the stage split that changed, in brackets; empty if none did."""
    old, new = (version.lock.get("split", StageLock()).params for version in (before, after))
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    changed = [f"{key}: {old.get(key)} -> {new.get(key)}" for key in keys]
    return f" ({listed(changed)})" if changed else ""
