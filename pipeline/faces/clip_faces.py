"""The faces of one clip: data/frames/<clip>.parquet -> data/faces/<clip>.parquet."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.faces.crop import Crop, cut_square, enhance, sharpness
from pipeline.faces.detector import Box
from pipeline.faces.params import FacesParams
from pipeline.faces.perceptual_hash import hash_bytes, perceptual_hashes
from pipeline.faces.tracking import TrackedFace, track
from pipeline.runtime.image_codec import as_grey, decode_colour, decode_grey, encode_png
from pipeline.runtime.parquet import parquet_sink, table_of
from pipeline.runtime.worker_limits import progress
from pipeline.schema.clip_shards import add_facts, read_facts
from pipeline.schema.faces import BLURRED, FACES_SCHEMA, OK

_GROUP = 256
"""Rows written at a time."""

_KEPT = 200
"""Decoded frames kept in memory: a whole clip, unless `frames: max_per_clip` is larger."""


class StoredFrames(Sequence[np.ndarray]):
    """The frames of one shard in grey, (H, W) uint8 each, decoded on access; the latest stay in memory.

    It holds no reference cycle: its frames are freed with it, not by a later garbage collection.
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
        """Return one frame, (H, W) uint8; raise IndexError if there is none."""
        progress()
        if index not in self._kept:
            if len(self._kept) == _KEPT:
                del self._kept[next(iter(self._kept))]  # the one decoded first
            self._kept[index] = decode_grey(self.jpeg(index))
        return self._kept[index]

    def jpeg(self, index: int) -> bytes:
        """Return one frame as stored, JPEG; raise IndexError if there is none."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        group = int(np.searchsorted(self._ends, index, side="right"))
        first = int(self._ends[group - 1]) if group else 0
        return bytes(self._group(group)[index - first].as_py())

    def column(self, name: str) -> list[Any]:
        """Return all values of a small column."""
        return list(self._file.read(columns=[name]).column(name).to_pylist())


def _read_group(file: pq.ParquetFile, group: int) -> pa.ChunkedArray:
    return file.read_row_group(group, columns=["jpeg"]).column("jpeg")


def write_faces(source: Path, params: FacesParams, target: Path) -> None:
    """Detect, track and crop the participant's face in a clip; write a row for every frame.

    Args:
        source: Shard of data/frames.
        params: How faces are detected, tracked and cropped.
        target: Shard of data/faces.
    """
    frames, facts = StoredFrames(source), read_facts(source)
    rows = _rows(frames, find_participant(frames, params), facts["width"], params.effective_crop)
    with parquet_sink(target, FACES_SCHEMA) as sink:
        while group := list(islice(rows, _GROUP)):
            sink.write_table(_table(group))
        add_facts(sink, facts)


def find_participant(frames: StoredFrames, params: FacesParams) -> list[TrackedFace]:
    """Return the participant's face in each frame of a clip."""
    if not len(frames):
        return []
    tracking = params.tracking_in(frames[0].shape)
    return track(frames, frames.column("time_s"), params.settings.build(), tracking)


def crop_face(frame: np.ndarray, box: Box, crop: Crop) -> tuple[np.ndarray, float]:
    """Return the enhanced square crop of a face and its sharpness; (H, W[, 3]) uint8 in and out."""
    cut = cut_square(frame, (box.x, box.y, box.w, box.h), crop)
    return enhance(cut, crop), sharpness(cut)


def _rows(
    frames: StoredFrames, faces: Sequence[TrackedFace], source_width: int, crop: Crop
) -> Iterator[dict[str, Any]]:
    numbers, times = frames.column("frame"), frames.column("time_s")
    for index, face in enumerate(faces):
        row = {"frame": numbers[index], "time_s": times[index], "status": face.status}
        row |= {"score": face.score, "png": b"", "hash": b""}
        if face.box:
            frame = decode_colour(frames.jpeg(index)) if crop.colour == "colour" else frames[index]
            scale = source_width / frame.shape[1]
            row |= {name: round(getattr(face.box, name) * scale, 2) for name in ("x", "y", "w", "h")}
            row |= _cropped(frame, face.box, crop) if face.status == OK else {}
        yield row


def _cropped(frame: np.ndarray, box: Box, crop: Crop) -> dict[str, Any]:
    face, sharp = crop_face(frame, box, crop)
    if sharp < crop.min_sharpness:
        return {"status": BLURRED, "sharpness": sharp}
    return {"sharpness": sharp, "png": encode_png(face), "face": face}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as a table, with the hashes of their faces; hashing them together is ten times as fast."""
    faces = [row for row in rows if "face" in row]
    hashes = hash_bytes(perceptual_hashes([as_grey(row.pop("face")) for row in faces]))
    for row, digest in zip(faces, hashes, strict=True):
        row["hash"] = digest
    return table_of(rows, FACES_SCHEMA)
