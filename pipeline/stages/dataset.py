"""Stage dataset: kept faces -> data/dataset/<split>/<subject>.parquet, its census, funnel and pictures."""

import shutil
from collections.abc import Mapping, Sequence

from pipeline.dataset.build.collect import ClipImages, DatasetParams, census, collect, missing_classes
from pipeline.dataset.build.describe import described
from pipeline.dataset.card.card import dataset_card
from pipeline.dataset.card.croissant import croissant, read_shards, version_of
from pipeline.dataset.card.facts import Facts
from pipeline.figures.face_sheets import face_sheets
from pipeline.figures.funnel import funnel_figure
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import write_text
from pipeline.runtime.params import load_params, read_params
from pipeline.runtime.parquet import table_of, write_parquet
from pipeline.runtime.paths import (
    CENSUS,
    CROISSANT,
    DATASET,
    DATASET_CARD,
    FUNNEL,
    FUNNEL_PLOT,
    SHEETS,
)
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip, consented_clips
from pipeline.schema.dataset import dataset_schema, shard_path
from pipeline.schema.duplicates import read_duplicates
from pipeline.schema.funnel import FunnelRow, faces_found, funnel_totals
from pipeline.schema.participants import read_participants
from pipeline.schema.split import SPLITS, SplitRow, read_split


def main() -> None:
    """Write the dataset, subject by subject, and all that describes it."""
    params = load_params("dataset", DatasetParams)
    splits, duplicates = read_split(), _duplicates()
    for folder in (DATASET, SHEETS):  # no image stays from an earlier run
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
    counts = ", ".join(f"{split} {n}" for split, n in images.items())
    logger.info("%d images: %s", sum(images.values()), counts)
    for split, names in missing_classes(counted, classes).items():
        logger.warning("no image of %s in %s; the audit will fail", ", ".join(names), split)


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
        params=described(settings),
    )


def _by_subject(clips: Sequence[Clip], splits: Mapping[str, SplitRow]) -> dict[str, list[Clip]]:
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.subject not in splits:
            raise EmoError(f"data/split.csv: subject {clip.subject!r} is missing; run `dvc repro`")
        groups.setdefault(clip.subject, []).append(clip)
    return dict(sorted(groups.items()))


def _duplicates() -> dict[str, frozenset[int]]:
    """Return, by clip, the frames that are not kept."""
    table = read_duplicates(["clip", "frame", "kept"])
    found: dict[str, set[int]] = {}
    for row in table.to_pylist():
        if not row["kept"]:
            found.setdefault(row["clip"], set()).add(row["frame"])
    return {clip: frozenset(frames) for clip, frames in found.items()}


def _write_subject(row: SplitRow, items: Sequence[ClipImages], classes: Sequence[str]) -> None:
    images = [image for item in items for image in item.rows]
    if images:
        write_parquet(shard_path(row.split, row.subject), table_of(images, dataset_schema(classes)))


if __name__ == "__main__":
    run_stage("pipeline.stages.dataset")
