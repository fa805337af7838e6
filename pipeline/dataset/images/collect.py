"""The images of the dataset: which face crops of a clip become images, and how they are counted."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.dataset.images.selection import Selection
from pipeline.runtime.errors import EmoError
from pipeline.runtime.parquet import table_of, write_parquet
from pipeline.runtime.paths import SPLIT
from pipeline.schema.census import CensusRow
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import dataset_schema, image_name, shard_path
from pipeline.schema.faces import OK, TOO_SMALL, faces_path, largest_min_face, read_faces
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.split import SPLITS, SplitRow


@dataclass(frozen=True)
class ClipImages:
    """The images of one clip."""

    clip: Clip
    rows: list[dict[str, Any]]
    "The images as rows of a dataset shard."
    funnel: FunnelRow
    "The status of every sampled frame of the clip, counted."
    small: tuple[float, ...] = ()
    "Of each face that is too small: the largest `min_face` that accepts it."


def clips_by_subject(clips: Iterable[Clip], splits: Mapping[str, SplitRow]) -> dict[str, list[Clip]]:
    """Return the clips of each subject, sorted by subject; raise EmoError if one has no split."""
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.subject not in splits:
            raise EmoError(f"{SPLIT}: subject {clip.subject!r} is missing; run `dvc repro`")
        groups.setdefault(clip.subject, []).append(clip)
    return dict(sorted(groups.items()))


def collect(clip: Clip, split: str, selection: Selection, classes: Sequence[str]) -> ClipImages:
    """Return the images of one clip and its row of the funnel.

    Args:
        clip: The clip with its effective expression; its faces are in data/faces.
        split: The split of its subject.
        selection: The faces that do not become images.
        classes: The expressions of the dataset, in the order of their labels.
    """
    faces = read_faces(clip.clip, ["frame", "time_s", "status", "w", "png"]).to_pylist()
    statuses = Counter(face["status"] for face in faces)
    excluded, duplicates = selection.excluded_of(clip.clip), selection.duplicates_of(clip.clip)
    kept = [
        face
        for face in faces
        if face["status"] == OK and face["frame"] not in excluded and face["frame"] not in duplicates
    ]
    is_wanted = clip.expression in classes
    rows = [_image(clip, face, classes.index(clip.expression)) for face in kept] if is_wanted else []
    facts = read_facts(faces_path(clip.clip))
    corrupt = int(facts.get("corrupt", 0))
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
        excluded=len(excluded),
        duplicates=statuses[OK] - len(excluded) - len(kept),
        other_class=0 if is_wanted else len(kept),
        images=len(rows),
        problem=str(facts.get("problem", "")),
    )
    small = (face["w"] for face in faces if face["status"] == TOO_SMALL and face["w"])
    return ClipImages(clip, rows, funnel, tuple(largest_min_face(width_px, clip) for width_px in small))


def without_consent(item: ClipImages) -> ClipImages:
    """Return a clip without its images, which are counted as `no_consent`."""
    funnel = item.funnel
    kept = funnel.images + funnel.other_class
    return replace(item, rows=[], funnel=replace(funnel, images=0, other_class=0, no_consent=kept))


def write_subject(row: SplitRow, collected: Iterable[ClipImages], classes: Sequence[str]) -> None:
    """Write the shard of one subject; none if there is no image."""
    images = [image for item in collected for image in item.rows]
    if images:
        write_parquet(shard_path(row.split, row.subject), table_of(images, dataset_schema(classes)))


def census_rows(split: str, collected: Iterable[ClipImages]) -> list[CensusRow]:
    """Return the census of one subject: a row per expression that has images."""
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


def images_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the digest of images, rows of the dataset in their order, as data/census.csv records it."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row['image']['path']}\0".encode() + row["image"]["bytes"])
    return digest.hexdigest()[:16]


def missing_classes(census: Iterable[CensusRow], classes: Sequence[str]) -> dict[str, list[str]]:
    """Return by split the expressions that have no image there; complete splits are left out."""
    present = {(row.split, row.expression) for row in census}
    missing = {split: [name for name in classes if (split, name) not in present] for split in SPLITS}
    return {split: names for split, names in missing.items() if names}


def _image(clip: Clip, face: Mapping[str, Any], label: int) -> dict[str, Any]:
    return {
        "image": {"bytes": face["png"], "path": image_name(clip.clip, face["frame"])},
        "label": label,
        "subject": clip.subject,
        "clip": clip.clip,
        "frame": face["frame"],
        "time_s": face["time_s"],
    }
