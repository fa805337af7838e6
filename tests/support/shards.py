"""Shards of data/faces, written directly: textures instead of faces, one per seed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from pipeline.faces.perceptual_hash import perceptual_hash
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.parquet import parquet_sink
from pipeline.schema.clip_shards import add_facts
from pipeline.schema.faces import FACES_SCHEMA


def texture(seed: int, side: int = 64) -> np.ndarray:
    """Return a texture, (side, side) uint8; the perceptual hashes of two seeds are far apart."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 9), np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def face_rows(seeds: Sequence[int | None], missing: str = "no_face") -> list[dict[str, Any]]:
    """Return a row per frame: the texture of a seed, or for None a frame with the status `missing`."""
    box = {"x": 10.0, "y": 10.0, "w": 50.0, "h": 50.0, "score": 9.0, "sharpness": 5.0}
    rows = []
    for frame, seed in enumerate(seeds):
        row: dict[str, Any] = {
            "frame": frame,
            "time_s": frame / 5,
            "status": missing,
            "png": b"",
            "hash": b"",
        }
        if seed is not None:
            face = texture(seed)
            row |= {**box, "status": "ok", "png": encode_png(face), "hash": perceptual_hash(face).tobytes()}
        rows.append(row)
    return rows


def write_face_shard(clip: str, rows: list[dict[str, Any]], corrupt: int = 0, problem: str = "") -> None:
    """Write data/faces/<clip>.parquet below the current folder."""
    path = Path("data/faces") / f"{clip}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with parquet_sink(path, FACES_SCHEMA) as sink:
        sink.write_table(pa.Table.from_pylist(rows, schema=FACES_SCHEMA))
        facts: dict[str, Any] = {"width": 320, "height": 240, "corrupt": corrupt}
        add_facts(sink, facts | ({"problem": problem} if problem else {}))
