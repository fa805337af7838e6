"""A clean cohort as the checks see it: six people, two expressions, three images a clip. No files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from pipeline.audit.checks.images import FaceCrop, HashedImage
from pipeline.audit.checks.near_duplicates import pairs_across
from pipeline.audit.checks.outputs import CountedShard, Status
from pipeline.audit.checks.participants import Piece, Withdrawn
from pipeline.audit.gate.evidence import Image
from pipeline.audit.run import CHECKS
from pipeline.dataset.split.subjects import SplitParams, split_subjects
from pipeline.runtime.paths import CROISSANT, DATASET, DATASET_CARD, FACES, VIDEOS
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name, shard_path
from pipeline.schema.decisions import Decision
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.ledger import ledger_of
from pipeline.schema.participants import NOTED, Participant, processable
from pipeline.schema.split import SplitRow
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.stage_records import RecordComparison
from pipeline.versions.version import Version
from tests.support.making import clip, counted_row, person

PARAMS = SplitParams(seed=4, validation=0.15, test=0.15, folds=5)
CLASSES = ("happy", "sad")
FRAMES = 3

PEOPLE = [person(f"S{n}", sex="FM"[n % 2], enrolled=n) for n in range(1, 7)]
SPLIT = {row.subject: row for row in split_subjects(PEOPLE, PARAMS)}
CLIPS = [
    clip(f"{p.subject}_{e}", subject=p.subject, expression=e, sha256=f"{2 * p.enrolled + (e == 'sad'):064x}")
    for p in PEOPLE
    for e in CLASSES
]


def census_of(clips: list[Clip]) -> list[CensusRow]:
    return [
        CensusRow(SPLIT[c.subject].split, c.subject, c.expression, 1, FRAMES, c.sha256[-16:]) for c in clips
    ]


def shards_of(census: list[CensusRow]) -> list[CountedShard]:
    return [
        CountedShard(row.split, name, tuple(r for r in census if r.subject == name))
        for name, row in SPLIT.items()
    ]


def funnel_row(clip: Clip, **changed: int) -> FunnelRow:
    """Return a clip's row: a face in all of nine frames, of which six are duplicates."""
    counts: dict[str, Any] = dict.fromkeys(
        ("corrupt", "no_face", "several_faces", "too_small", "blurred", "other_class"), 0
    )
    counts |= {"sampled": 9, "duplicates": 9 - FRAMES, "images": FRAMES}
    return counted_row(
        clip.clip, clip.subject, clip.expression, SPLIT[clip.subject].split, **counts | changed
    )


def version(name: str, split: Mapping[str, SplitRow] = SPLIT, seed: int = 4) -> Version:
    lock = {"split": StageLock(params={"split.seed": seed})}
    return Version(name, Path(), "", tuple(PEOPLE), tuple(CLIPS), split, (), lock)


def pieces_of(clips: list[Clip]) -> list[Piece]:
    """Return the recordings, shards of faces and shards of images of some clips."""
    subjects = dict.fromkeys(c.subject for c in clips)
    return [
        *(Piece(VIDEOS, c.subject, c.sha256) for c in clips),
        *(Piece(FACES, c.subject) for c in clips),
        *(Piece(DATASET, subject) for subject in subjects),
    ]


def hashed_image(image: Image, **changed: Any) -> HashedImage:
    """Return an image as its shard holds it; its digest is its name."""
    name = image_name(image.clip, image.frame)
    values = {name: getattr(image, name) for name in ("subject", "clip", "frame", "time_s")}
    plain = {"expression": image.label, "name": name, "digest": name.encode(), "hash": np.zeros(4, np.uint64)}
    return HashedImage(**values | plain | changed)


def crop_of(image: Image) -> FaceCrop:
    """Return the face that an image was cut as."""
    return FaceCrop(image.time_s, image_name(image.clip, image.frame).encode())


def near(one: str, other: str, frames: int = 1) -> list[dict[str, Any]]:
    """Return rows of data/near_pairs.parquet: the first images of one clip, each like one of another."""
    return [
        {"clip": one, "frame": n, "other_clip": other, "other_frame": n, "distance": 3 + n}
        for n in range(frames)
    ]


def cohort(
    *,
    participants: list[Participant] = PEOPLE,
    clips: list[Clip] = CLIPS,
    split: dict[str, SplitRow] = SPLIT,
    near_pairs: Sequence[dict[str, Any]] = (),
    decisions: Sequence[Decision] = (),
    **changed: Any,
) -> SimpleNamespace:
    """Return what the checks look at; parts that follow from others are made of these."""
    images = [
        Image(SPLIT[c.subject].split, c.expression, c.subject, c.clip, frame, frame / 5)
        for c in CLIPS
        for frame in range(FRAMES)
    ]
    census = census_of(CLIPS)
    ledger = ledger_of(decisions, clips)
    labelled = ledger.labelled(clips)
    parts = {
        "participants": participants,
        "clips": clips,
        "ledger": ledger,
        "labelled": labelled,
        "excluded_clips": frozenset(clip.clip for clip in clips if ledger.is_excluded(clip)),
        "earlier_decisions": frozenset(),
        "erased_recordings": {},
        "processable_clips": clips,
        "processable": processable(participants),
        "showable": processable(participants),
        "consent_rule": NOTED,
        "images": images,
        "classes": CLASSES,
        "near_pairs": near_pairs,
        "hashed": [hashed_image(image) for image in images],
        "crops": {(image.clip, image.frame): crop_of(image) for image in images},
        "kept": frozenset((image.clip, image.frame) for image in images),
        "files": [*(shard_path(row.split, row.subject) for row in census), DATASET_CARD, CROISSANT],
        "split": split,
        "split_params": PARAMS,
        "census": census,
        "funnel": [funnel_row(c) for c in CLIPS],
        "shards": shards_of(census),
        "pairs": pairs_across(near_pairs, labelled, split),
        "pair_sheet": "near_pairs.png",
        "lengths": {c.video: 1000 for c in CLIPS},
        "tracked": 1000 * len(CLIPS),
        "digests": {c.video: c.sha256 for c in CLIPS},
        "here": version("workspace", split),
        "earlier": [version("1a2b3c4 (v1)")],
        "cut_note": "",
        "pieces": pieces_of(CLIPS),
        "withdrawn": Withdrawn({}, {}),
        "status": Status({}, run=frozenset({"split"})),
        "records": RecordComparison(compared=8),
    }
    parts |= changed
    parts.setdefault("searched", parts["funnel"])
    return SimpleNamespace(**parts)


def named_clips(**named: str) -> list[Clip]:
    """Return the clips with the expressions that their paths named: their own, but for some."""
    return [replace(c, extra={"named": named.get(c.clip, c.expression)}) for c in CLIPS]


def failing(**changed: Any) -> dict[str, str]:
    """Return what the failing checks of a changed cohort say, by name."""
    evidence: Any = cohort(**changed)
    found = {name: check(evidence) for name, check in CHECKS.items() if name != "labels match the paths"}
    return {name: finding.detail for name, finding in found.items() if not finding.ok}
