"""Stage dataset: kept faces -> data/dataset/<split>/<subject>.parquet, census, card, funnel and sheets."""

import shutil
from collections.abc import Sequence

from pipeline.dataset.card.decisions import DecisionCounts, count_decisions
from pipeline.dataset.images.collect import (
    DatasetParams,
    census_rows,
    clips_by_subject,
    collect,
    missing_classes,
    write_subject,
)
from pipeline.dataset.images.describe import describe
from pipeline.dataset.images.selection import Selection, select
from pipeline.figures.face_sheets import face_sheets
from pipeline.figures.funnel import funnel_figure
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import CENSUS, DATASET, FUNNEL, FUNNEL_PLOT, SHEETS
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip, consented_clips, read_clips
from pipeline.schema.funnel import FunnelRow, funnel_totals
from pipeline.schema.ledger import read_ledger
from pipeline.schema.split import SPLITS, read_split


def main() -> None:
    """Write the dataset, subject by subject, and the files that describe it."""
    classes = load_params("dataset", DatasetParams).classes
    for folder in (DATASET, SHEETS):  # no image of an earlier run remains
        shutil.rmtree(folder, ignore_errors=True)
    clips, ledger = consented_clips(), read_ledger(read_clips())
    selection = select(clips, ledger)
    census, funnel = _write_shards(ledger.labelled(clips), selection, classes)
    write_csv(FUNNEL, funnel, FunnelRow)
    funnel_figure(funnel_totals(funnel), FUNNEL_PLOT)
    if not census:
        raise EmoError(f"{DATASET}: no image is left; {FUNNEL} lists the status of all frames")
    write_csv(CENSUS, census, CensusRow)
    decisions = count_decisions(clips, ledger, selection.excluded)
    facts = describe(census, funnel, classes, decisions)
    face_sheets(DATASET, SHEETS, classes, facts.image_subjects)
    _report(census, classes, decisions)


def _write_shards(
    clips: Sequence[Clip], selection: Selection, classes: Sequence[str]
) -> tuple[list[CensusRow], list[FunnelRow]]:
    """Write the shard of each subject; `clips` have their effective expressions."""
    splits = read_split()
    subjects = clips_by_subject(clips, splits)
    census: list[CensusRow] = []
    funnel: list[FunnelRow] = []
    with progress_bar("dataset", len(subjects)) as advance:
        for subject, own in subjects.items():
            row = splits[subject]
            items = [collect(clip, row.split, selection, classes) for clip in own]
            write_subject(row, items, classes)
            census += census_rows(row.split, items)
            funnel += [item.funnel for item in items]
            advance()
    return census, funnel


def _report(census: Sequence[CensusRow], classes: Sequence[str], decisions: DecisionCounts) -> None:
    images = {split: sum(row.images for row in census if row.split == split) for split in SPLITS}
    counts = ", ".join(f"{split} {number}" for split, number in images.items())
    logger.info("%d images: %s", sum(images.values()), counts)
    for name, text in (("excluded", decisions.exclusions), ("relabelled", decisions.relabellings)):
        if text:
            logger.info("%s by decisions: %s", name, text)
    for split, names in missing_classes(census, classes).items():
        logger.warning("no image of %s in %s; the audit will fail", ", ".join(names), split)


if __name__ == "__main__":
    run_stage("pipeline.stages.dataset")
