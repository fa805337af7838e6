"""Stage audit: the gate. Proves from the files that nothing leaks between the splits; else it fails.

Training depends on reports/audit.json, so no model is trained on a dataset that fails.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.core.dataset import (
    NEAR_PAIRS_SCHEMA,
    SPLITS,
    class_names,
    dataset_schema,
    image_name,
)
from pipeline.core.enrolment import Clip, Participant, consenting, read_enrolment
from pipeline.core.errors import EmoError, listed
from pipeline.core.labels import EXPRESSIONS
from pipeline.core.paths import AUDIT, DATASET, NEAR_PAIRS
from pipeline.core.stage import run_stage
from pipeline.core.subjectless import in_full, subjects_mark
from pipeline.core.tables import read_parquet, write_text

_TOLERANCE_S = 0.001
"""Timestamps are rounded to the container's clock."""


@dataclass(frozen=True)
class Image:
    """One image of the dataset, without its pixels."""

    split: str
    "the folder that holds it"
    label: str
    subject: str
    clip: str
    frame: int
    time_s: float


@dataclass(frozen=True)
class Evidence:
    """All that the checks look at."""

    consenting: frozenset[str]
    "subjects who may be processed and shown"
    clips: Sequence[Clip]
    images: Sequence[Image]
    classes: Sequence[str]
    near_pairs: Sequence[dict[str, Any]]
    alone: frozenset[str] = frozenset()
    "subjects that are images of a corpus without subjects"

    @property
    def mark(self) -> str:
        """What stands beside every figure where images have no subject; empty where all have one."""
        subjects = {image.subject for image in self.images}
        return subjects_mark(len(subjects & self.alone), len(subjects))


@dataclass(frozen=True)
class Check:
    """The verdict of one check; `detail` is the evidence in one line."""

    name: str
    ok: bool
    detail: str


def audit(evidence: Evidence) -> list[Check]:
    """Run every check; where images have no subject, all that they tell is marked."""
    mark = evidence.mark
    checks = [check(evidence) for check in CHECKS]
    return [replace(check, detail=marked(check.detail, mark)) for check in checks]


def marked(detail: str, mark: str) -> str:
    """Return the evidence of a check with the mark beside it, if there is one."""
    return f"{detail} (subjects: {mark})" if mark else detail


def subjects_in_one_split(evidence: Evidence) -> Check:
    """No subject is in two splits."""
    places = _splits_by(evidence, lambda image: image.subject)
    bad = [f"{subject} in {listed(splits)}" for subject, splits in places.items() if len(splits) > 1]
    return _verdict("no subject in two splits", bad, f"{len(places)} subjects")


def takes_in_one_split(evidence: Evidence) -> Check:
    """No take, a performance seen from several views, is in two splits."""
    takes = {clip.clip: clip.take for clip in evidence.clips}
    places = _splits_by(evidence, lambda image: takes.get(image.clip, image.clip))
    bad = [f"{take} in {listed(splits)}" for take, splits in places.items() if len(splits) > 1]
    return _verdict("no take in two splits", bad, f"{len(places)} takes")


def no_near_duplicates_across_splits(evidence: Evidence) -> Check:
    """No two images of different splits are near-duplicates."""
    split_of = {(image.clip, image.frame): image.split for image in evidence.images}
    bad = []
    for pair in evidence.near_pairs:
        here, there = (pair["clip"], pair["frame"]), (pair["other_clip"], pair["other_frame"])
        if split_of.get(here, "") != split_of.get(there, "") and here in split_of and there in split_of:
            names = f"{image_name(*here)} and {image_name(*there)}"
            bad.append(f"{names} ({split_of[here]}, {split_of[there]}; {pair['distance']} bits)")
    return _verdict(
        "no near-duplicate across splits", bad, f"{len(evidence.near_pairs)} near pairs, all within a split"
    )


def every_class_in_every_split(evidence: Evidence) -> Check:
    """Every split has an image of every class."""
    present = {(image.split, image.label) for image in evidence.images}
    wanted = [(split, name) for split in SPLITS for name in evidence.classes]
    bad = [f"no {name} in {split}" for split, name in wanted if (split, name) not in present]
    return _verdict("every class in every split", bad, f"{len(evidence.classes)} classes")


def every_image_traceable(evidence: Evidence) -> Check:
    """Every image is of a clip in raw/clips.csv, with that clip's subject and expression, in its time."""
    clips = {clip.clip: clip for clip in evidence.clips}
    bad = []
    for image in evidence.images:
        clip = clips.get(image.clip)
        if clip is None or not _is_of(image, clip):
            bad.append(image_name(image.clip, image.frame))
    return _verdict("every image traceable to a clip", bad, f"{len(evidence.images)} images")


def _is_of(image: Image, clip: Clip) -> bool:
    start_s, end_s = clip.segment
    is_in_time = start_s - _TOLERANCE_S <= image.time_s < end_s
    return is_in_time and (clip.subject, clip.expression) == (image.subject, image.label)


def everybody_consents(evidence: Evidence) -> Check:
    """Nobody's image is there without consent."""
    subjects = {image.subject for image in evidence.images}
    bad = sorted(subjects - evidence.consenting)
    return _verdict("nobody without consent", bad, f"{len(subjects)} subjects")


CHECKS: tuple[Callable[[Evidence], Check], ...] = (
    subjects_in_one_split,
    takes_in_one_split,
    no_near_duplicates_across_splits,
    every_class_in_every_split,
    every_image_traceable,
    everybody_consents,
)


def images_alone(people: Sequence[Participant]) -> frozenset[str]:
    """Return the subjects that are images, not people."""
    return frozenset(person.subject for person in people if person.is_image)


def gather(dataset: Path = DATASET) -> Evidence:
    """Read all that the checks look at."""
    people, clips = read_enrolment()
    images, classes = read_images(dataset)
    pairs = read_parquet(NEAR_PAIRS, NEAR_PAIRS_SCHEMA).to_pylist()
    return Evidence(consenting(people), clips, images, classes, pairs, images_alone(people))


def read_images(dataset: Path = DATASET) -> tuple[list[Image], tuple[str, ...]]:
    """Read the images of all shards, without their pixels, and the classes."""
    images: list[Image] = []
    classes: tuple[str, ...] = EXPRESSIONS
    for split in SPLITS:
        for shard in sorted((dataset / split).glob("*.parquet")):
            found, classes = _read_shard(shard, split)
            images += found
    return images, classes


def main() -> None:
    """Write reports/audit.json; raise EmoError where a check fails."""
    evidence = gather()
    checks = audit(evidence)
    failed = [check for check in checks if not check.ok]
    write_text(AUDIT, json.dumps(as_report(checks, evidence.mark), indent=2) + "\n")
    for check in checks:
        print(f"audit: {'ok    ' if check.ok else 'FAILED'} {check.name}: {check.detail}")
    if failed:
        raise EmoError(
            f"{AUDIT}: {len(failed)} of {len(checks)} checks failed; nothing is trained until "
            f"they pass: {listed(check.name for check in failed)}"
        )


def as_report(checks: Sequence[Check], mark: str = "") -> dict[str, object]:
    """Return the content of reports/audit.json; `subjects` only where images have none."""
    report: dict[str, object] = {"subjects": in_full(mark)} if mark else {}
    return report | {"ok": all(c.ok for c in checks), "checks": [asdict(check) for check in checks]}


def _splits_by(evidence: Evidence, key: Callable[[Image], str]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for image in evidence.images:
        found[key(image)].add(image.split)
    return {name: sorted(splits) for name, splits in sorted(found.items())}


def _verdict(name: str, bad: Iterable[str], fine: str) -> Check:
    faults = list(bad)
    return Check(name, not faults, listed(faults, 5) if faults else fine)


def _read_shard(shard: Path, split: str) -> tuple[list[Image], tuple[str, ...]]:
    table = read_parquet(shard, dataset_schema(EXPRESSIONS), ["label", "subject", "clip", "frame", "time_s"])
    classes, rows = class_names(table.schema, shard), table.to_pylist()
    if wrong := [row["label"] for row in rows if row["label"] not in range(len(classes))]:
        raise EmoError(
            f"{shard}: label {wrong[0]} is not within 0..{len(classes) - 1}; run `dvc repro dataset`"
        )
    return [
        Image(split, classes[row["label"]], row["subject"], row["clip"], row["frame"], row["time_s"])
        for row in rows
    ], classes


if __name__ == "__main__":
    run_stage("pipeline.stages.audit")
