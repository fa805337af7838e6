"""The faces of one clip: data/frames/<clip>.parquet -> data/faces/<clip>.parquet."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.faces.crop import Crop, cut_square, sharpness, treat
from pipeline.faces.detector import Box
from pipeline.faces.params import FacesParams
from pipeline.faces.perceptual_hash import hash_bytes, perceptual_hashes
from pipeline.faces.tracking import TrackedFace, track
from pipeline.runtime.image_codec import as_grey, decode_colour, decode_grey, encode_png
from pipeline.runtime.parquet import parquet_sink, table_of
from pipeline.schema.clip_shards import add_facts, read_facts
from pipeline.schema.faces import BLURRED, FACES_SCHEMA, OK

_GROUP = 256
"""Rows written at a time."""


_KEPT = 200
"""Decoded frames kept in memory: those of a whole clip, unless params.yaml allows longer ones."""


class StoredFrames(Sequence[np.ndarray]):
    """The frames of one shard as grey pictures, decoded when asked for; the latest stay in memory.

    Nothing that it keeps refers back to it: its pictures go with it, not with some later garbage collection.
    """

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        ends = np.cumsum(
            [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        )
        self._ends = ends.astype(int)
        self._group = lru_cache(maxsize=2)(partial(_read_group, self._file))
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def __getitem__(self, index: Any) -> Any:
        if index not in self._kept:
            if len(self._kept) == _KEPT:
                del self._kept[next(iter(self._kept))]  # the one that was decoded first
            self._kept[index] = decode_grey(self.jpeg(index))
        return self._kept[index]

    def jpeg(self, index: int) -> bytes:
        """Return one frame as it is stored."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        group = int(np.searchsorted(self._ends, index, side="right"))
        first = int(self._ends[group - 1]) if group else 0
        return bytes(self._group(group)[index - first].as_py())

    def column(self, name: str) -> list[Any]:
        """Return a whole small column."""
        return list(self._file.read(columns=[name]).column(name).to_pylist())


def _read_group(file: pq.ParquetFile, group: int) -> pa.ChunkedArray:
    return file.read_row_group(group, columns=["jpeg"]).column("jpeg")


def write_faces(source: Path, params: FacesParams, target: Path) -> None:
    """Find and crop the participant's face in every frame of a clip; a row for every frame."""
    frames, facts = StoredFrames(source), read_facts(source)
    rows = _rows(frames, find_participant(frames, params), facts["width"], params.cut)
    with parquet_sink(target, FACES_SCHEMA) as sink:
        while group := list(islice(rows, _GROUP)):
            sink.write_table(_table(group))
        add_facts(sink, facts)


def find_participant(frames: StoredFrames, params: FacesParams) -> list[TrackedFace]:
    """Return the participant's face in each frame."""
    return track(frames, frames.column("time_s"), params.settings.build(), params.tracking)


def crop_face(picture: np.ndarray, box: Box, crop: Crop) -> tuple[np.ndarray, float]:
    """Return the treated square crop of a face and its sharpness; (H, W[, 3]) uint8 in and out."""
    cut = cut_square(picture, (box.x, box.y, box.w, box.h), crop)
    return treat(cut, crop), sharpness(cut)


def _rows(
    frames: StoredFrames, faces: Sequence[TrackedFace], source_width: int, crop: Crop
) -> Iterator[dict[str, Any]]:
    numbers, times = frames.column("frame"), frames.column("time_s")
    for index, face in enumerate(faces):
        row = {"frame": numbers[index], "time_s": times[index], "status": face.status}
        row |= {"score": face.score, "png": b"", "hash": b""}
        if face.box:
            picture = decode_colour(frames.jpeg(index)) if crop.colour == "colour" else frames[index]
            row |= _in_source(face.box, source_width / picture.shape[1])
            row |= _cut(picture, face, crop)
        yield row


def _in_source(box: Box, scale: float) -> dict[str, float]:
    return {name: round(getattr(box, name) * scale, 2) for name in ("x", "y", "w", "h")}


def _cut(picture: np.ndarray, found: TrackedFace, crop: Crop) -> dict[str, Any]:
    if found.status != OK or found.box is None:
        return {}
    face, sharp = crop_face(picture, found.box, crop)
    if sharp < crop.min_sharpness:
        return {"status": BLURRED, "sharpness": sharp}
    return {"sharpness": sharp, "png": encode_png(face), "face": face}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as a table, with the hashes of their faces: all at once is ten times as fast."""
    faces = [row for row in rows if "face" in row]
    hashes = hash_bytes(perceptual_hashes([as_grey(row.pop("face")) for row in faces]))
    for row, digest in zip(faces, hashes, strict=True):
        row["hash"] = digest
    return table_of(rows, FACES_SCHEMA)
