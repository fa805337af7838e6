"""Stage dataset: kept faces -> data/dataset/<split>/<subject>.parquet, its census, funnel and pictures."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from pipeline.core.card import dataset_card
from pipeline.core.croissant import croissant, read_shards, version_of
from pipeline.core.dataset import (
    DUPLICATES_SCHEMA,
    SPLITS,
    CensusRow,
    SplitRow,
    dataset_schema,
    image_name,
    read_split,
    shard_path,
)
from pipeline.core.enrolment import Clip, consented_clips, read_participants
from pipeline.core.errors import EmoError
from pipeline.core.facts import Facts
from pipeline.core.labels import EXPRESSIONS
from pipeline.core.params import check_choice, load_params, read_params
from pipeline.core.paths import (
    CENSUS,
    CROISSANT,
    DATASET,
    DATASET_CARD,
    DUPLICATES,
    FACES,
    FUNNEL,
    FUNNEL_PLOT,
    SHEETS,
)
from pipeline.core.progress import progress_bar
from pipeline.core.shards import FACES_SCHEMA, OK, read_facts
from pipeline.core.stage import run_stage
from pipeline.core.tables import read_parquet, table_of, write_csv, write_parquet, write_text
from pipeline.media.figures import funnel_figure
from pipeline.media.sheets import face_sheets

DESCRIBED = ("frames", "faces", "dedup", "split", "dataset")
"""The sections of params.yaml that the dataset card tells: those of the stages that made the dataset."""


@dataclass(frozen=True)
class DatasetParams:
    """params.yaml, section dataset."""

    expressions: tuple[str, ...]
    "the classes of the dataset; clips of others are counted, not used"

    def __post_init__(self) -> None:
        for name in self.expressions:
            check_choice("expressions", name, EXPRESSIONS)
        if len(set(self.expressions)) != len(self.expressions) or len(self.expressions) < 2:
            raise ValueError(f"expressions: {list(self.expressions)} are not two or more different ones")

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the expressions in the order of their labels."""
        return tuple(sorted(self.expressions))


@dataclass(frozen=True)
class FunnelRow:
    """One row of reports/funnel.csv: what became of every frame that was sampled from a clip."""

    clip: str
    subject: str
    expression: str
    split: str
    sampled: int
    "the sum of all that follows"
    corrupt: int
    "could not be decoded whole"
    no_face: int
    several_faces: int
    too_small: int
    blurred: int
    duplicates: int
    "faces for which a sharper near-duplicate stands"
    other_class: int
    "faces of clips whose expression is not among dataset.expressions"
    images: int


@dataclass(frozen=True)
class ClipImages:
    """What one clip gives to the dataset."""

    clip: Clip
    rows: list[dict[str, Any]]
    "its images as rows of the dataset"
    funnel: FunnelRow


def collect(clip: Clip, split: str, duplicates: frozenset[int], classes: Sequence[str]) -> ClipImages:
    """Return one clip's images and its row of the funnel; `duplicates` are frames not kept."""
    path = FACES / f"{clip.clip}.parquet"
    faces = read_parquet(path, FACES_SCHEMA, ["frame", "time_s", "status", "png"]).to_pylist()
    statuses = Counter(face["status"] for face in faces)
    kept = [face for face in faces if face["status"] == OK and face["frame"] not in duplicates]
    wanted = clip.expression in classes
    rows = [_image(clip, face, classes.index(clip.expression)) for face in kept] if wanted else []
    corrupt = int(read_facts(path)["corrupt"])
    funnel = FunnelRow(
        clip=clip.clip,
        subject=clip.subject,
        expression=clip.expression,
        split=split,
        sampled=len(faces) + corrupt,
        corrupt=corrupt,
        no_face=statuses["no_face"],
        several_faces=statuses["several_faces"],
        too_small=statuses["too_small"],
        blurred=statuses["blurred"],
        duplicates=statuses[OK] - len(kept),
        other_class=0 if wanted else len(kept),
        images=len(rows),
    )
    return ClipImages(clip, rows, funnel)


def census(split: str, collected: Sequence[ClipImages]) -> list[CensusRow]:
    """Return the census rows of one subject's clips."""
    groups: dict[str, list[ClipImages]] = {}
    for item in collected:
        if item.rows:
            groups.setdefault(item.clip.expression, []).append(item)
    return [
        CensusRow(
            split=split,
            subject=items[0].clip.subject,
            expression=expression,
            clips=len(items),
            images=sum(len(item.rows) for item in items),
            digest=images_digest(row for item in items for row in item.rows),
        )
        for expression, items in groups.items()
    ]


def missing_classes(rows: Sequence[CensusRow], classes: Sequence[str]) -> dict[str, list[str]]:
    """Return, by split, the expressions without an image; splits that have all are left out."""
    present = {(row.split, row.expression) for row in rows}
    missing = {split: [name for name in classes if (split, name) not in present] for split in SPLITS}
    return {split: names for split, names in missing.items() if names}


def main() -> None:
    """Write the dataset, subject by subject, and all that describes it."""
    params = load_params("dataset", DatasetParams)
    splits, duplicates = read_split(), _duplicates()
    for folder in (DATASET, SHEETS):  # nobody's images stay from a run before
        shutil.rmtree(folder, ignore_errors=True)
    by_subject = _by_subject(consented_clips(), splits)
    counted: list[CensusRow] = []
    funnel: list[FunnelRow] = []
    with progress_bar("dataset", len(by_subject)) as advance:
        for subject, clips in by_subject.items():
            row = splits[subject]
            items = [
                collect(clip, row.split, duplicates.get(clip.clip, frozenset()), params.classes)
                for clip in clips
            ]
            _write_subject(row, items, params.classes)
            counted += census(row.split, items)
            funnel += [item.funnel for item in items]
            advance()
    _describe(counted, funnel, params.classes)


def _describe(counted: list[CensusRow], funnel: list[FunnelRow], classes: Sequence[str]) -> None:
    """Write what tells about the dataset; raise EmoError where it has no image."""
    write_csv(FUNNEL, funnel, FunnelRow)
    funnel_figure(funnel_totals(funnel), FUNNEL_PLOT)
    if not counted:
        raise EmoError(f"{DATASET}: not one image is left; {FUNNEL} says where they went")
    write_csv(CENSUS, counted, CensusRow)
    shards = read_shards(DATASET)
    facts = _facts(counted, funnel, classes, version_of(shards))
    write_text(DATASET_CARD, dataset_card(facts))
    write_text(CROISSANT, croissant(facts, shards))
    face_sheets(DATASET, SHEETS, classes, facts.alone)
    images = {split: sum(row.images for row in counted if row.split == split) for split in SPLITS}
    print(f"dataset: {sum(images.values())} images: {', '.join(f'{k} {n}' for k, n in images.items())}")
    for split, names in missing_classes(counted, classes).items():
        print(f"dataset: no image of {', '.join(names)} in {split}; the audit will refuse it")


def _facts(counted: list[CensusRow], funnel: list[FunnelRow], classes: Sequence[str], version: str) -> Facts:
    """Return what the dataset card and croissant.json tell of."""
    settings = read_params()
    return Facts(
        classes=classes,
        census=counted,
        people=read_participants(),
        clips=consented_clips(),
        funnel=funnel_totals(funnel),
        found=faces_found(funnel),
        version=version,
        params={section: settings[section] for section in DESCRIBED},
    )


def faces_found(funnel: Sequence[FunnelRow]) -> dict[str, tuple[int, int]]:
    """Return by subject the frames with an accepted face, and the frames that were searched for one.

    Subjects without a frame that could be searched are left out.
    """
    counts: dict[str, tuple[int, int]] = {}
    for row in funnel:
        faces, frames = counts.get(row.subject, (0, 0))
        faces += row.duplicates + row.other_class + row.images
        counts[row.subject] = (faces, frames + row.sampled - row.corrupt)
    return {subject: (faces, frames) for subject, (faces, frames) in counts.items() if frames}


def funnel_totals(funnel: Sequence[FunnelRow]) -> dict[str, int]:
    """Return the sum over all clips of each count of the funnel, in its order."""
    names = [field.name for field in fields(FunnelRow) if field.type is int]
    return {name: sum(getattr(row, name) for row in funnel) for name in names}


def _by_subject(clips: Sequence[Clip], splits: Mapping[str, SplitRow]) -> dict[str, list[Clip]]:
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.subject not in splits:
            raise EmoError(f"data/split.csv: subject {clip.subject!r} is missing; run `dvc repro`")
        groups.setdefault(clip.subject, []).append(clip)
    return dict(sorted(groups.items()))


def _duplicates() -> dict[str, frozenset[int]]:
    """Return, by clip, the frames that are not kept."""
    table = read_parquet(DUPLICATES, DUPLICATES_SCHEMA, ["clip", "frame", "kept"])
    found: dict[str, set[int]] = {}
    for row in table.to_pylist():
        if not row["kept"]:
            found.setdefault(row["clip"], set()).add(row["frame"])
    return {clip: frozenset(frames) for clip, frames in found.items()}


def _image(clip: Clip, face: dict[str, Any], label: int) -> dict[str, Any]:
    return {
        "image": {"bytes": face["png"], "path": image_name(clip.clip, face["frame"])},
        "label": label,
        "subject": clip.subject,
        "clip": clip.clip,
        "frame": face["frame"],
        "time_s": face["time_s"],
    }


def _write_subject(row: SplitRow, items: Sequence[ClipImages], classes: Sequence[str]) -> None:
    images = [image for item in items for image in item.rows]
    if images:
        write_parquet(shard_path(row.split, row.subject), table_of(images, dataset_schema(classes)))


def images_digest(rows: Iterable[dict[str, Any]]) -> str:
    """Return the digest of a census row for its images, rows of the dataset in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row['image']['path']}\0".encode() + row["image"]["bytes"])
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    run_stage("pipeline.stages.dataset")
