"""Layout webdataset: <split>-000000.tar and so on, each image as <key>.png, <key>.cls and <key>.json."""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.export.images import Image, Images, by_digest
from pipeline.export.layout import Layout
from pipeline.runtime.progress import Advance

_IMAGES, _BYTES = 1000, 50_000_000
"""A tar holds no more of either, unless one image is larger."""

_SHAPE = f"""`<split>-<number>.tar`, each with up to {_IMAGES:,} images. An image is three files in a row:
`<key>.png`, `<key>.cls` (the label's number) and `<key>.json` (what is told of it). Within a split the images
are in the order of their SHA-256, which mixes classes and people, so that a loader that reads from front to
back sees them shuffled. `classes.json` lists the classes, the tars and how many images each holds."""

_LOAD = """import glob
import webdataset as wds

tars = sorted(glob.glob("train-*.tar"))
train = wds.WebDataset(tars, shardshuffle=False).decode("pil").to_tuple("png", "cls")
image, label = next(iter(train))"""


def write_webdataset(images: Images, folder: Path, advance: Advance) -> None:
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


def parts(rows: Sequence[Image], most: int = _IMAGES, most_bytes: int = _BYTES) -> Iterator[list[Image]]:
    """Divide images, in their order, among tars of at most so many images and bytes of PNG."""
    part: list[Image] = []
    size = 0
    for row in rows:
        if part and (len(part) == most or size + row.length > most_bytes):
            yield part
            part, size = [], 0
        part.append(row)
        size += row.length
    if part:
        yield part


def _write_tar(path: Path, rows: Sequence[Image], images: Images, advance: Advance) -> None:
    # USTAR: emo's names are short and ASCII, and no other format is written as fast.
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            about = {"label": images.classes[row.label], **row.about}
            _add(tar, f"{row.name}.png", images.png(row))
            _add(tar, f"{row.name}.cls", str(row.label).encode())
            _add(tar, f"{row.name}.json", json.dumps(about).encode())
            advance()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file; a bare TarInfo has no owner, and the time 0."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


WEBDATASET = Layout(write_webdataset, _SHAPE, _LOAD)
