"""Checks of near-duplicates across subjects and labels, among the images themselves."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.audit.gate.check import Finding, Topic, check, verdict
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.split import SplitRow

DOUBLED = 0.5
"""A clip is a violation if at least this share of its images also have another label."""

_SINGLE = 1
"""Number of images of a clip that may always have another label: expressions start from a neutral face."""


@dataclass(frozen=True)
class PairImage:
    """One image of a pair, with its subject, label and split by the current tables."""

    clip: str
    frame: int
    subject: str
    expression: str
    split: str
    "Split of the subject; empty if data/split.csv has no row of it."

    @property
    def name(self) -> str:
        """The name of the image."""
        return image_name(self.clip, self.frame)


@dataclass(frozen=True)
class Pair:
    """Two images that are near-duplicates although the subject, the label or the split differs."""

    one: PairImage
    other: PairImage
    distance: int
    "Distance of the perceptual hashes, bits of 256."

    @property
    def across(self) -> tuple[str, ...]:
        """What differs, the worst first."""
        return tuple(
            what
            for what in ("subject", "split", "expression")
            if getattr(self.one, what) != getattr(self.other, what)
        )

    @property
    def severity(self) -> tuple[object, ...]:
        """Sort key, the worst first: across subjects, across splits, then the nearest."""
        across = self.across
        return ("subject" not in across, "split" not in across, self.distance, self.one.name, self.other.name)

    def __str__(self) -> str:
        return f"{self.one.name} and {self.other.name} ({self.distance} bits)"


def pairs_across(
    rows: Iterable[Mapping[str, Any]], clips: Iterable[Clip], split: Mapping[str, SplitRow]
) -> list[Pair]:
    """Return the near pairs across subjects, splits or labels, the worst first.

    `rows` are as in data/near_pairs.parquet. Pairs between views of one performance, and clips that are no
    longer enrolled, are left out.
    """
    known = {clip.clip: clip for clip in clips}
    pairs = [
        Pair(
            _face(known[row["clip"]], row["frame"], split),
            _face(known[row["other_clip"]], row["other_frame"], split),
            row["distance"],
        )
        for row in rows
        if row["clip"] in known and row["other_clip"] in known
    ]
    return sorted((pair for pair in pairs if pair.across), key=lambda pair: pair.severity)


def _face(clip: Clip, frame: int, split: Mapping[str, SplitRow]) -> PairImage:
    place = split[clip.subject].split if clip.subject in split else ""
    return PairImage(clip.clip, frame, clip.subject, clip.expression, place)


@check("no near-duplicate across subjects", Topic.LABELS)
def alike_across_subjects(pairs: Sequence[Pair], pair_sheet: str) -> Finding:
    """No image of one subject is a near-duplicate of an image of another subject."""
    across: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        if "subject" in pair.across:
            across.setdefault(tuple(sorted((pair.one.subject, pair.other.subject))), []).append(pair)
    violations = [
        f"{' and '.join(who)}: {len(found)} pair{'s' * (len(found) != 1)}, nearest {found[0]}"
        for who, found in across.items()
    ]
    remedy = f"one subject under two codes, or one recording twice? see {pair_sheet}"
    return verdict(violations, f"{len(pairs)} near pairs, all within a subject", remedy)


@check("no clip under two labels", Topic.LABELS)
def alike_under_two_labels(pairs: Iterable[Pair], funnel: Sequence[FunnelRow], pair_sheet: str) -> Finding:
    """In no clip, half of the images or more also occur under another label of the same subject.

    Single images may: many expressions start and end neutral.
    """
    doubled: dict[str, set[int]] = defaultdict(set)
    others: dict[str, str] = {}
    for pair in (pair for pair in pairs if "expression" in pair.across and "subject" not in pair.across):
        for face, other in ((pair.one, pair.other), (pair.other, pair.one)):
            doubled[face.clip].add(face.frame)
            others.setdefault(face.clip, other.clip)
    images = {row.clip: row.images + row.other_class for row in funnel}
    violations = [
        f"{clip}: {len(frames)} of {images.get(clip, 0)} images, as in {others[clip]}"
        for clip, frames in sorted(doubled.items())
        if len(frames) > _SINGLE and len(frames) >= DOUBLED * images.get(clip, 0)
    ]
    single = f"{len(doubled)} clips, a few images each, as at a neutral start: {pair_sheet}"
    return verdict(violations, single if doubled else "no image under two labels", f"see {pair_sheet}")
