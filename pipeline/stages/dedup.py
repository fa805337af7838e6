"""Stage dedup: data/faces -> data/duplicates.parquet and data/near_pairs.parquet.

Near-duplicates within one performance (subject, expression, take) collapse to the sharpest face. So do those
among images without a subject, whatever their labels: any two may be of one person. Images that stay and are
near-duplicates across subjects, labels or takes are recorded for the audit.
"""

from collections.abc import Iterator, Sequence, Set

import numpy as np
import pyarrow as pa

from pipeline.dataset.near_duplicates.collapse import (
    DedupParams,
    Face,
    Judged,
    find_duplicates,
    find_near_pairs,
    pair_rows,
)
from pipeline.faces.perceptual_hash import hamming, hash_bytes, hashes_from_bytes
from pipeline.runtime.params import load_params
from pipeline.runtime.parquet import read_parquet, table_of, write_parquet
from pipeline.runtime.paths import DUPLICATES, FACES, NEAR_PAIRS
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.clip_shards import shard_names
from pipeline.schema.clips import Clip, consented_clips
from pipeline.schema.dataset import image_name
from pipeline.schema.duplicates import DUPLICATES_SCHEMA, NEAR_PAIRS_SCHEMA
from pipeline.schema.faces import FACES_SCHEMA, OK
from pipeline.schema.participants import read_participants


def main() -> None:
    """Compare all faces and write both tables."""
    params = load_params("dedup", DedupParams)
    images = {person.subject for person in read_participants() if person.is_image}
    faces = list(_read_faces(consented_clips(), images))
    judged = find_duplicates(faces, params)
    pairs = find_near_pairs([j.face for j in judged if j.kept], params.pair_distance)
    write_parquet(DUPLICATES, _duplicates_table(judged))
    write_parquet(NEAR_PAIRS, table_of(pair_rows(pairs), NEAR_PAIRS_SCHEMA))
    kept = sum(j.kept for j in judged)
    across = [pair[3] for pair in pairs]
    logger.info(
        "%d faces, %d kept; near-duplicates left between subjects %d, labels %d, takes %d",
        *(len(judged), kept, across.count("subject"), across.count("label"), across.count("take")),
    )


def _read_faces(clips: Sequence[Clip], images: Set[str]) -> Iterator[Face]:
    have = set(shard_names(FACES))
    with progress_bar("dedup", len(clips)) as advance:
        for clip in clips:
            if clip.clip in have:
                yield from _faces_of(clip, is_image=clip.subject in images)
            advance()


def _faces_of(clip: Clip, *, is_image: bool) -> list[Face]:
    columns = ["frame", "status", "sharpness", "hash"]
    rows = read_parquet(FACES / f"{clip.clip}.parquet", FACES_SCHEMA, columns).to_pylist()
    ok = [row for row in rows if row["status"] == OK]
    hashes = hashes_from_bytes([row["hash"] for row in ok])
    return [
        Face(
            clip.subject,
            clip.expression,
            clip.take,
            clip.clip,
            row["frame"],
            row["sharpness"],
            digest,
            is_image,
        )
        for row, digest in zip(ok, hashes, strict=True)
    ]


def _duplicates_table(judged: Sequence[Judged]) -> pa.Table:
    hashes = np.array([j.face.hash for j in judged], np.uint64).reshape(-1, 4)
    leaders = np.array([j.leader.hash for j in judged], np.uint64).reshape(-1, 4)
    distances = hamming(hashes, leaders).tolist()
    rows = [
        {"clip": j.face.clip, "frame": j.face.frame, "hash": digest, "kept": j.kept}
        | (
            {}
            if j.kept
            else {"duplicate_of": image_name(j.leader.clip, j.leader.frame), "distance": distance}
        )
        for j, digest, distance in zip(judged, hash_bytes(hashes), distances, strict=True)
    ]
    return table_of(rows, DUPLICATES_SCHEMA)


if __name__ == "__main__":
    run_stage("pipeline.stages.dedup")
