"""Stage dataset: kept faces -> data/dataset/<split>/<subject>.parquet, census, card, funnel and sheets."""

import shutil
from collections.abc import Sequence

from pipeline.dataset.images.collect import (
    DatasetParams,
    census_rows,
    clips_by_subject,
    collect,
    dropped_frames,
    missing_classes,
    write_subject,
)
from pipeline.dataset.images.describe import describe
from pipeline.figures.face_sheets import face_sheets
from pipeline.figures.funnel import funnel_figure
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import CENSUS, DATASET, FUNNEL, FUNNEL_PLOT, SHEETS
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import consented_clips
from pipeline.schema.funnel import FunnelRow, funnel_totals
from pipeline.schema.split import SPLITS, read_split


def main() -> None:
    """Write the dataset, subject by subject, and the files that describe it."""
    classes = load_params("dataset", DatasetParams).classes
    for folder in (DATASET, SHEETS):  # no image of an earlier run remains
        shutil.rmtree(folder, ignore_errors=True)
    census, funnel = _write_shards(classes)
    write_csv(FUNNEL, funnel, FunnelRow)
    funnel_figure(funnel_totals(funnel), FUNNEL_PLOT)
    if not census:
        raise EmoError(f"{DATASET}: no image is left; {FUNNEL} lists the status of all frames")
    write_csv(CENSUS, census, CensusRow)
    facts = describe(census, funnel, classes)
    face_sheets(DATASET, SHEETS, classes, facts.image_subjects)
    _report(census, classes)


def _write_shards(classes: Sequence[str]) -> tuple[list[CensusRow], list[FunnelRow]]:
    splits, dropped = read_split(), dropped_frames()
    subjects = clips_by_subject(consented_clips(), splits)
    census: list[CensusRow] = []
    funnel: list[FunnelRow] = []
    with progress_bar("dataset", len(subjects)) as advance:
        for subject, clips in subjects.items():
            row = splits[subject]
            items = [collect(c, row.split, dropped.get(c.clip, frozenset()), classes) for c in clips]
            write_subject(row, items, classes)
            census += census_rows(row.split, items)
            funnel += [item.funnel for item in items]
            advance()
    return census, funnel


def _report(census: Sequence[CensusRow], classes: Sequence[str]) -> None:
    images = {split: sum(row.images for row in census if row.split == split) for split in SPLITS}
    counts = ", ".join(f"{split} {number}" for split, number in images.items())
    logger.info("%d images: %s", sum(images.values()), counts)
    for split, names in missing_classes(census, classes).items():
        logger.warning("no image of %s in %s; the audit will fail", ", ".join(names), split)


if __name__ == "__main__":
    run_stage("pipeline.stages.dataset")
