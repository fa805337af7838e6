"""Stage faces: data/frames -> data/faces/<clip>.parquet, the participant's face in every frame."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.digests import sha256_all
from pipeline.core.errors import listed
from pipeline.core.memo import Shard, build_shards, memo_root
from pipeline.core.params import check_choice, load_params
from pipeline.core.paths import FACES, FRAMES
from pipeline.core.shards import FACES_SCHEMA, OK, add_facts, read_facts, shard_names
from pipeline.core.stage import run_stage
from pipeline.core.tables import parquet_sink, table_of
from pipeline.media.crops import Crop, cut_square, sharpness, treat
from pipeline.media.haar import Box, Search, Sighting, track
from pipeline.media.images import as_grey, decode_colour, decode_grey, encode_png
from pipeline.media.phash import hash_bytes, perceptual_hashes

HAAR, NONE = DETECTORS = ("haar", "none")

_GROUP = 256
"""Rows written at a time."""

_KEPT = 200
"""Decoded frames kept in memory: those of a whole clip, unless params.yaml allows longer ones."""


@dataclass(frozen=True)
class FacesParams:
    """params.yaml, section faces."""

    detector: str
    "haar, or none: every picture is a face, cropped already"
    search: Search
    crop: Crop

    def __post_init__(self) -> None:
        check_choice("detector", self.detector, DETECTORS)

    @property
    def cut(self) -> Crop:
        """How faces are cut out: where a face fills its picture, there is nothing around it to add."""
        return self.crop if self.detector == HAAR else replace(self.crop, margin=0.0)


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
    rows = _rows(frames, find(frames, params), facts["width"], params.cut)
    with parquet_sink(target, FACES_SCHEMA) as sink:
        while group := list(islice(rows, _GROUP)):
            sink.write_table(_table(group))
        add_facts(sink, facts)


def find(frames: StoredFrames, params: FacesParams) -> list[Sighting]:
    """Return where the participant's face is in each frame: with the detector `none`, all of the frame."""
    if params.detector == HAAR:
        return track(frames, frames.column("time_s"), params.search)
    return [whole(picture) for picture in frames]


def whole(picture: np.ndarray) -> Sighting:
    """Return a (H, W[, 3]) picture as a face that fills it."""
    height, width = picture.shape[:2]
    return Sighting(OK, Box(0, 0, width, height), 0.0)


def crop_face(picture: np.ndarray, box: Box, crop: Crop) -> tuple[np.ndarray, float]:
    """Return the treated square crop of a face and its sharpness; (H, W[, 3]) uint8 in and out."""
    cut = cut_square(picture, (box.x, box.y, box.w, box.h), crop)
    return treat(cut, crop), sharpness(cut)


def main() -> None:
    """Find the faces of all clips in data/frames."""
    params = load_params("faces", FacesParams)
    paths = {name: FRAMES / f"{name}.parquet" for name in shard_names(FRAMES)}
    digests = sha256_all(paths.values(), memo_root() / "frames.json")
    shards = [Shard(name, path, digests[path], params) for name, path in paths.items()]
    build_shards("faces", shards, write_faces, FACES)
    if params.detector == NONE:
        _warn_of_videos(paths.values())


def _warn_of_videos(paths: Iterable[Path]) -> None:
    """Say so where frames of recordings, not pictures cropped before, were taken for faces."""
    videos = [path.stem for path in paths if pq.read_metadata(path).num_rows > 1]
    if videos:
        print(
            f"faces: detector: none takes the frames of {len(videos)} clips of video whole, as if they were "
            f"faces ({listed(videos, 3)}); for recordings set faces: detector: haar"
        )


def _rows(
    frames: StoredFrames, sightings: Sequence[Sighting], source_width: int, crop: Crop
) -> Iterator[dict[str, Any]]:
    numbers, times = frames.column("frame"), frames.column("time_s")
    for index, sighting in enumerate(sightings):
        row = {"frame": numbers[index], "time_s": times[index], "status": sighting.status}
        row |= {"score": sighting.score, "png": b"", "hash": b""}
        if sighting.box:
            picture = decode_colour(frames.jpeg(index)) if crop.colour == "colour" else frames[index]
            row |= _in_source(sighting.box, source_width / picture.shape[1])
            row |= _cut(picture, sighting, crop)
        yield row


def _in_source(box: Box, scale: float) -> dict[str, float]:
    return {name: round(getattr(box, name) * scale, 2) for name in ("x", "y", "w", "h")}


def _cut(picture: np.ndarray, sighting: Sighting, crop: Crop) -> dict[str, Any]:
    if sighting.status != OK or sighting.box is None:
        return {}
    face, sharp = crop_face(picture, sighting.box, crop)
    if sharp < crop.min_sharpness:
        return {"status": "blurred", "sharpness": sharp}
    return {"sharpness": sharp, "png": encode_png(face), "face": face}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as a table, with the hashes of their faces: all at once is ten times as fast."""
    faces = [row for row in rows if "face" in row]
    hashes = hash_bytes(perceptual_hashes([as_grey(row.pop("face")) for row in faces]))
    for row, digest in zip(faces, hashes, strict=True):
        row["hash"] = digest
    return table_of(rows, FACES_SCHEMA)


if __name__ == "__main__":
    run_stage("pipeline.stages.faces")
