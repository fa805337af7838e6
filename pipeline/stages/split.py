"""Stage split: raw/participants.csv -> data/split.csv; each subject stays in one split permanently."""

import pipeline.runtime  # noqa: F401 (first: Ctrl-C while the others load)
from pipeline.dataset.split.subjects import FILLED_BY, SplitParams, split_subjects
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import PARTICIPANTS, SPLIT
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.participants import read_participants
from pipeline.schema.split import SPLITS, SplitRow, split_caveat


def main() -> None:
    """Write data/split.csv."""
    params = load_params("split", SplitParams)
    rows = split_subjects(read_participants(), params)
    if not rows:
        raise EmoError(f"{PARTICIPANTS}: no participants yet; run `emo ingest VIDEOS` or `emo demo`")
    write_csv(SPLIT, rows, SplitRow)
    counts = ", ".join(f"{name} {sum(row.split == name for row in rows)}" for name in SPLITS)
    logger.info("%d subjects: %s", len(rows), counts)
    if caveat := split_caveat(rows):
        logger.info("subjects: %s", full_caveat(caveat))
    if len(rows) < len(SPLITS):
        logger.warning("too few subjects for %s; enrol at least %d", ", ".join(SPLITS), FILLED_BY)


if __name__ == "__main__":
    run_stage("pipeline.stages.split")
