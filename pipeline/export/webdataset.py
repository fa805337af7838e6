"""Layout webdataset: <split>-000000.tar and so on, each image as <key>.png, <key>.cls and <key>.json."""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.export.image_store import ExportImage, ImageStore, by_digest
from pipeline.export.layout import Layout
from pipeline.runtime.progress import Advance

_IMAGES, _BYTES = 1000, 50_000_000
"""The most images and bytes of PNG in one tar; a single larger image has a tar of its own."""

_FILES = f"""`<split>-<number>.tar`, each with up to {_IMAGES:,} images. Each image is three consecutive
files: `<key>.png`, `<key>.cls` (the number of its label) and `<key>.json` (its columns). Within a split the
images are in the order of their SHA-256, which mixes classes and subjects, so that a loader that reads
sequentially gets them shuffled. `classes.json` lists the classes, the tars and the number of images in
each."""

_LOAD = """import glob
import webdataset as wds

tars = sorted(glob.glob("train-*.tar"))
train = wds.WebDataset(tars, shardshuffle=False).decode("pil").to_tuple("png", "cls")
image, label = next(iter(train))"""


def write_webdataset(images: ImageStore, folder: Path, advance: Advance) -> None:
    """Write the tars of every split, and classes.json."""
    tars: dict[str, dict[str, int]] = {}
    for split in images.splits:
        tars[split] = {}
        for number, rows in enumerate(parts(by_digest(images.of(split)))):
            path = folder / f"{split}-{number:06d}.tar"
            _write_tar(path, rows, images, advance)
            tars[split][path.name] = len(rows)
    text = json.dumps({"classes": images.classes, "tars": tars}, indent=2)
    (folder / "classes.json").write_text(text + "\n", encoding="utf-8")


def parts(
    rows: Sequence[ExportImage], most: int = _IMAGES, most_bytes: int = _BYTES
) -> Iterator[list[ExportImage]]:
    """Yield consecutive groups of images, each of at most `most` images and `most_bytes` of PNG."""
    part: list[ExportImage] = []
    size = 0
    for row in rows:
        if part and (len(part) == most or size + row.length > most_bytes):
            yield part
            part, size = [], 0
        part.append(row)
        size += row.length
    if part:
        yield part


def _write_tar(path: Path, rows: Sequence[ExportImage], images: ImageStore, advance: Advance) -> None:
    # USTAR is the fastest format to write; emo's names are short and ASCII.
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            columns = {"label": images.classes[row.label], **row.columns}
            _add(tar, f"{row.name}.png", images.png(row))
            _add(tar, f"{row.name}.cls", str(row.label).encode())
            _add(tar, f"{row.name}.json", json.dumps(columns).encode())
            advance()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file without owner and with time 0."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


WEBDATASET = Layout(write_webdataset, _FILES, _LOAD)
