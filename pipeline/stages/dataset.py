"""Stage dataset: kept faces -> data/dataset/<split>/<subject>.parquet, census, card, funnel and sheets."""

import shutil
from collections.abc import Mapping, Sequence, Set

import pipeline.runtime  # noqa: F401 (first: Ctrl-C while the others load)
from pipeline.dataset.card.decisions import DecisionCounts, count_decisions
from pipeline.dataset.images.classes import classes_of, undeclared, without_clips
from pipeline.dataset.images.collect import (
    census_rows,
    clips_by_subject,
    collect,
    missing_classes,
    without_consent,
    write_subject,
)
from pipeline.dataset.images.describe import describe
from pipeline.dataset.images.params import DatasetParams
from pipeline.dataset.images.selection import Selection, select
from pipeline.figures.face_sheets import face_sheets
from pipeline.figures.funnel import funnel_figure
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import refuse_links
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import CENSUS, DATASET, FUNNEL, FUNNEL_PLOT, PARAMS, PARTICIPANTS, SHEETS
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.stage import logger, run_stage
from pipeline.runtime.text import counted, listed
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip, processable_clips, read_clips
from pipeline.schema.funnel import FunnelRow, funnel_totals
from pipeline.schema.ledger import read_ledger
from pipeline.schema.participants import processable, read_participants
from pipeline.schema.split import SPLITS, read_split


def main() -> None:
    """Write the dataset, subject by subject, and the files that describe it."""
    params, clips = load_params("dataset", DatasetParams), processable_clips()
    ledger = read_ledger(read_clips())
    selection, labelled = select(clips, ledger), ledger.labelled(clips)
    shown = _with_consent(clips, params.consent)
    undeclared_clips = undeclared(labelled, params.expressions)
    used = [clip for clip in labelled if clip.subject in shown and not ledger.is_excluded(clip)]
    classes = classes_of(used, params.expressions)
    for folder in (DATASET, SHEETS):  # no image of an earlier run remains
        refuse_links(folder)
        shutil.rmtree(folder, ignore_errors=True)
    census, funnel, small = _write_shards(labelled, shown, selection, classes)
    write_csv(FUNNEL, funnel, FunnelRow)
    funnel_figure(funnel_totals(funnel), FUNNEL_PLOT)
    if not census:
        raise EmoError(f"{DATASET}: no image is left; {FUNNEL} lists the status of all frames")
    write_csv(CENSUS, census, CensusRow)
    decisions = count_decisions(clips, ledger, selection.excluded)
    facts = describe(census, funnel, classes, decisions)
    face_sheets(DATASET, SHEETS, classes, facts.image_subjects)
    _report(census, classes, decisions)
    _report_small(small)
    _report_labels(undeclared_clips, without_clips(params.expressions, classes), classes)


def _with_consent(clips: Sequence[Clip], consent: str) -> frozenset[str]:
    """Return the subjects that may have images; raise EmoError if consent is required and none gave it."""
    shown = processable(read_participants(), consent)
    if clips and not shown:
        raise EmoError(
            f"{PARAMS}: dataset: consent: {consent}, and no consent is given in {PARTICIPANTS}; state it "
            "with `emo ingest --consent given` or in a column `consent` of --participants"
        )
    if unknown := {clip.subject for clip in clips} - shown:
        logger.warning(
            "consent unknown, no images of %s (params.yaml: dataset: consent: %s)",
            counted(len(unknown), "subject"),
            consent,
        )
    return shown


def _write_shards(
    clips: Sequence[Clip], shown: Set[str], selection: Selection, classes: Sequence[str]
) -> tuple[list[CensusRow], list[FunnelRow], list[float]]:
    """Write the shard of each subject; return census, funnel, and what would keep the small faces.

    `clips` have their effective expressions.
    """
    splits = read_split()
    subjects = clips_by_subject(clips, splits)
    census: list[CensusRow] = []
    funnel: list[FunnelRow] = []
    small: list[float] = []
    with progress_bar("dataset", len(subjects)) as advance:
        for subject, own in subjects.items():
            row = splits[subject]
            items = [collect(clip, row.split, selection, classes) for clip in own]
            items = items if subject in shown else [without_consent(item) for item in items]
            write_subject(row, items, classes)
            census += census_rows(row.split, items)
            funnel += [item.funnel for item in items]
            small += [share for item in items for share in item.small]
            advance()
    return census, funnel, sorted(small)


def _report(census: Sequence[CensusRow], classes: Sequence[str], decisions: DecisionCounts) -> None:
    images = {split: sum(row.images for row in census if row.split == split) for split in SPLITS}
    counts = ", ".join(f"{split} {number}" for split, number in images.items())
    logger.info("%d images: %s", sum(images.values()), counts)
    for name, text in (("excluded", decisions.exclusions), ("relabelled", decisions.relabellings)):
        if text:
            logger.info("%s by decisions: %s", name, text)
    for split, names in missing_classes(census, classes).items():
        logger.warning(
            "no image of %s in %s; the audit will fail: record more, or remove %s from params.yaml: dataset: "
            "expressions",
            ", ".join(names),
            split,
            "it" if len(names) == 1 else "them",
        )


def _report_small(small: Sequence[float]) -> None:
    """Report which setting would keep the faces that are too small; `small` is sorted."""
    if small:
        logger.info(
            "%s too small (`too_small`): params.yaml: faces: tracking: min_face: %g would keep all, %g half",
            counted(len(small), "face"),
            small[0],
            small[len(small) // 2],
        )


def _report_labels(clips: Mapping[str, int], missing: Sequence[str], classes: Sequence[str]) -> None:
    for label, number in sorted(clips.items()):
        logger.warning(
            "%s labelled %r, which is not in params.yaml: dataset: expressions",
            counted(number, "clip"),
            label,
        )
    if missing:
        logger.info("no clip of %s: the dataset has %d classes", listed(missing, 20), len(classes))


if __name__ == "__main__":
    run_stage("pipeline.stages.dataset")
