"""A split of the dataset in memory: one uint8 tensor of images with labels and provenance."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.paths import DATASET
from pipeline.schema.dataset import read_dataset, shard_paths

_CHUNK = 256
"""Number of images that a thread decodes at a time."""


@dataclass(frozen=True)
class Provenance:
    """The origin of one image."""

    path: str
    "Name of the image in its shard."
    subject: str
    clip: str
    frame: int
    "Index of the frame in the recording's video stream."
    time_s: float
    "Time of the frame in the recording, in seconds."


@dataclass(frozen=True, repr=False)
class ImageSet:
    """The images of one split."""

    pixels: Tensor
    "(n, channels, side, side) uint8, grey or RGB."
    labels: Tensor
    "(n,) int64, positions in `classes`."
    classes: tuple[str, ...]
    "Expressions in alphabetical order."
    provenance: tuple[Provenance, ...]
    "One entry per image, in the order of the images; empty if it is not known."

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"ImageSet(pixels={tuple(self.pixels.shape)}, classes={', '.join(self.classes)})"

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return self.pixels.shape[1]

    @property
    def side_px(self) -> int:
        """Width and height of each image in pixels."""
        return self.pixels.shape[2]


def read_images(split: str, folder: Path = DATASET) -> ImageSet:
    """Read and decode all images of one split, in the order of subjects and rows.

    Raises NotBuiltError if the split has no images, and EmoError if two shards have different classes, or an
    image is damaged or has another side or number of channels than the first.
    """
    if not shard_paths(folder, split):
        raise NotBuiltError(_no_images(folder / split))
    shards = read_dataset(folder, split)
    classes = shards[0].classes
    table = pa.concat_tables([shard.table.replace_schema_metadata() for shard in shards])
    if not table.num_rows:
        raise NotBuiltError(_no_images(folder / split))
    pixels = _decode(table["image"].combine_chunks(), str(folder / split))
    labels = torch.from_numpy(table["label"].to_numpy().astype(np.int64))
    return ImageSet(torch.from_numpy(pixels), labels, classes, tuple(_provenance(table)))


def _no_images(folder: Path) -> str:
    return (
        f"{folder}: no images; run `dvc repro dataset`, or enrol more subjects: "
        "with six or more subjects with detected faces, no split is empty"
    )


def _provenance(table: pa.Table) -> Iterator[Provenance]:
    paths = table["image"].combine_chunks().field("path")
    columns = [table[name].to_pylist() for name in ("subject", "clip", "frame", "time_s")]
    for row in zip(paths.to_pylist(), *columns, strict=True):
        yield Provenance(*row)


def _decode(images: pa.StructArray, where: str) -> np.ndarray:
    """Return (n, channels, side, side) uint8; in threads, as OpenCV releases the interpreter lock."""
    files, paths = images.field("bytes"), images.field("path")
    first = decode_png(files[0].as_buffer(), f"{where}: {paths[0]}")
    pixels = np.empty((len(images), *first.shape), np.uint8)

    def decode_chunk(start: int) -> None:
        for i in range(start, min(start + _CHUNK, len(images))):
            image = decode_png(files[i].as_buffer(), f"{where}: {paths[i]}")
            if image.shape != first.shape:
                raise EmoError(
                    f"{where}: {paths[i]}: {_kind(image)}, but {paths[0]}: {_kind(first)}; "
                    "run `dvc repro dataset`"
                )
            pixels[i] = image

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(decode_chunk, range(0, len(images), _CHUNK)))
    return pixels


def decode_png(png: object, where: str) -> np.ndarray:
    """Decode one PNG to (channels, side, side) uint8, grey or RGB.

    Raises EmoError, which starts with `where`, if it is not a square grey or RGB image of 8 bits.
    """
    data = np.frombuffer(png, np.uint8)  # type: ignore[call-overload]
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    except cv2.error:  # of a hostile size
        image = None
    if image is None:
        raise EmoError(f"{where}: not a readable image; run `dvc repro dataset`")
    if image.ndim == 2:
        image = image[:, :, None]
    if image.dtype != np.uint8 or image.shape[2] not in (1, 3) or image.shape[0] != image.shape[1]:
        raise EmoError(
            f"{where}: {image.shape} {image.dtype} is not a square grey or RGB image of 8 bits; "
            "run `dvc repro dataset`"
        )
    return np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))  # OpenCV's order is BGR


def _kind(image: np.ndarray) -> str:
    colours = "grey" if image.shape[0] == 1 else "RGB"
    return f"{image.shape[1]}x{image.shape[2]} pixels, {colours}"
