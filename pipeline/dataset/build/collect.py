"""dataset.build.collect."""

import hashlib
import shutil
from pipeline.schema.funnel import FunnelRow
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from pipeline.dataset.card.card import dataset_card
from pipeline.dataset.card.croissant import croissant, read_shards, version_of
from pipeline.schema.census import CensusRow
from pipeline.schema.dataset import dataset_schema, image_name, shard_path
from pipeline.schema.duplicates import DUPLICATES_SCHEMA
from pipeline.schema.split import SPLITS, SplitRow, read_split
from pipeline.schema.clips import Clip, consented_clips
from pipeline.schema.participants import read_participants
from pipeline.runtime.errors import EmoError
from pipeline.dataset.card.facts import Facts
from pipeline.schema.expressions import EXPRESSIONS
from pipeline.runtime.params import check_choice, load_params, read_params
from pipeline.runtime.paths import (
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
from pipeline.runtime.progress import progress_bar
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.faces import FACES_SCHEMA, OK
from pipeline.runtime.stage import run_stage
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.files import write_text
from pipeline.runtime.parquet import read_parquet, table_of, write_parquet
from pipeline.figures.funnel import funnel_figure
from pipeline.figures.face_sheets import face_sheets


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


def _image(clip: Clip, face: dict[str, Any], label: int) -> dict[str, Any]:
    return {
        "image": {"bytes": face["png"], "path": image_name(clip.clip, face["frame"])},
        "label": label,
        "subject": clip.subject,
        "clip": clip.clip,
        "frame": face["frame"],
        "time_s": face["time_s"],
    }


def images_digest(rows: Iterable[dict[str, Any]]) -> str:
    """Return the digest of a census row for its images, rows of the dataset in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row['image']['path']}\0".encode() + row["image"]["bytes"])
    return digest.hexdigest()[:16]
