"""Stage dedup: data/faces -> data/duplicates.parquet and data/near_pairs.parquet.

Near-duplicates within one performance (subject, expression, take) collapse to the sharpest face. So do those
among images without a subject, whatever their labels, since any two of them may show the same subject. Kept
images that are near-duplicates across subjects, labels or takes are recorded for the audit.
"""

import pipeline.runtime  # noqa: F401 (first: Ctrl-C while the others load)
from pipeline.dataset.near_duplicates.collapse import (
    DedupParams,
    duplicate_rows,
    find_duplicates,
    find_near_pairs,
    pair_rows,
)
from pipeline.dataset.near_duplicates.hashed_faces import HashedFace, read_hashed_faces
from pipeline.runtime.params import load_params
from pipeline.runtime.parquet import table_of, write_parquet
from pipeline.runtime.paths import DUPLICATES, FACES, NEAR_PAIRS
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.clip_shards import shard_names
from pipeline.schema.clips import processable_clips
from pipeline.schema.duplicates import DUPLICATES_SCHEMA, NEAR_PAIRS_SCHEMA
from pipeline.schema.participants import read_participants


def main() -> None:
    """Compare all faces and write both tables."""
    params = load_params("dedup", DedupParams)
    collapsed = find_duplicates(_read_all_faces(), params)
    kept = [item.face for item in collapsed if item.kept]
    pairs = find_near_pairs(kept, params.pair_distance)
    write_parquet(DUPLICATES, table_of(duplicate_rows(collapsed), DUPLICATES_SCHEMA))
    write_parquet(NEAR_PAIRS, table_of(pair_rows(pairs), NEAR_PAIRS_SCHEMA))
    across = [pair.across for pair in pairs]
    logger.info(
        "%d faces, %d kept; near pairs that remain between subjects %d, labels %d, takes %d",
        *(len(collapsed), len(kept), across.count("subject"), across.count("label"), across.count("take")),
    )


def _read_all_faces() -> list[HashedFace]:
    images = {person.subject for person in read_participants() if person.is_image}
    built = set(shard_names(FACES))
    clips = [clip for clip in processable_clips() if clip.clip in built]
    faces: list[HashedFace] = []
    with progress_bar("dedup", len(clips)) as advance:
        for clip in clips:
            faces += read_hashed_faces(clip, is_image=clip.subject in images)
            advance()
    return faces


if __name__ == "__main__":
    run_stage("pipeline.stages.dedup")
