"""The images of an export: read from the dataset's shards, named, ordered and, if asked, anonymous."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pipeline.runtime.errors import EmoError
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import listed
from pipeline.schema.dataset import DatasetShard, check_same_classes, image_name, read_dataset_shard
from pipeline.schema.image_subjects import subject_caveat
from pipeline.schema.participants import Participant, consenting
from pipeline.schema.split import SPLITS

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
"""The chunks that every reader of a PNG needs; all others tell something about the picture."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image and what goes out with it."""

    split: str
    label: int
    "position among the classes"
    name: str
    "of its files, without the ending: unique, and without a dot"
    about: dict[str, str | int | float]
    "its other columns: subject, clip, frame and time_s, or person"
    digest: bytes
    "SHA-256 of its PNG"
    start: int
    "first byte of its PNG in the store"
    length: int


@dataclass(frozen=True)
class Images:
    """All images of an export; their PNGs lie in a file, so that only what is told of them takes memory."""

    classes: tuple[str, ...]
    "in the order of the labels"
    rows: tuple[Image, ...]
    store: BinaryIO
    anonymous: bool
    caveat: str
    "what stands beside every figure where images have no subject; empty where all have one"

    @property
    def splits(self) -> list[str]:
        """Return the splits that have images, train first."""
        present = {row.split for row in self.rows}
        return [split for split in SPLITS if split in present]

    @property
    def columns(self) -> list[str]:
        """Return what is told of every image beside its label."""
        return list(self.rows[0].about)

    def of(self, split: str) -> list[Image]:
        """Return the images of one split, in the order of the export."""
        return [row for row in self.rows if row.split == split]

    def people(self, split: str) -> int:
        """Return how many people a split shows."""
        return len({row.about["person" if self.anonymous else "subject"] for row in self.of(split)})

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of images by split and class."""
        counts = {split: dict.fromkeys(self.classes, 0) for split in self.splits}
        for row in self.rows:
            counts[row.split][self.classes[row.label]] += 1
        return counts

    def png(self, row: Image) -> bytes:
        """Return the PNG of one image."""
        self.store.seek(row.start)
        return self.store.read(row.length)


def collect(
    shards: Sequence[Path], store: BinaryIO, people: Sequence[Participant], *, anonymise: bool
) -> Images:
    """Read all shards, one at a time, and put their PNGs into `store`.

    The order is the dataset's, or `anonymous`'s. Raises EmoError where a shard cannot be read or has an image
    of somebody who is not among those of `people` who consent, where two have other classes, and where there
    is not one image.
    """
    classes, shown = read_dataset_shard(shards[0], []).classes, consenting(people)
    rows: list[Image] = []
    with progress_bar("read", len(shards)) as advance:
        for path in shards:
            shard = read_dataset_shard(path)
            check_same_classes(shard, classes)
            found = list(_stored_images(shard, store, anonymise))
            _check_consent(path, {str(row.about["subject"]) for row in found} - shown)
            rows += found
            advance()
    if not rows:
        raise EmoError(f"{shards[0].parents[1]}: not one image; run `dvc repro`")
    subjects = {row.about["subject"] for row in rows}
    caveat = subject_caveat(
        sum(person.is_image and person.subject in subjects for person in people), len(subjects)
    )
    return Images(classes, tuple(anonymous(rows) if anonymise else rows), store, anonymise, caveat)


def _check_consent(path: Path, hidden: set[str]) -> None:
    """Raise EmoError where a shard shows somebody who may not be: it is older than a withdrawal."""
    if hidden:
        raise EmoError(
            f"{path}: {listed(sorted(hidden))} has withdrawn or never consented; run `dvc repro`, then export"
        )


def by_digest(rows: Iterable[Image]) -> list[Image]:
    """Return images in the order of their PNGs' SHA-256: as good as shuffled, and always the same."""
    return sorted(rows, key=lambda row: (row.digest, row.label))


def anonymous(rows: Iterable[Image]) -> list[Image]:
    """Return images in the order of their digests, numbered in it, with a new number for each person.

    Neither the numbers nor the order tell of codes, of clips, or of which frames follow each other.
    """
    ordered = by_digest(rows)
    people: dict[object, int] = {}
    width = max(6, len(str(len(ordered))))
    return [
        replace(
            row,
            name=f"{number:0{width}d}",
            about={"person": people.setdefault(row.about["subject"], len(people) + 1)},
        )
        for number, row in enumerate(ordered, 1)
    ]


def bare_png(png: bytes) -> bytes:
    """Return a PNG without texts, times, profiles and whatever follows its end; its pixels stay as they are.

    Raises ValueError where it is no whole PNG (W3C Portable Network Graphics, 5.3: length, type, data, CRC).
    """
    kept, start = [_SIGNATURE], len(_SIGNATURE)
    while png.startswith(_SIGNATURE) and start < len(png):
        end = start + 12 + int.from_bytes(png[start : start + 4])
        kind = png[start + 4 : start + 8]
        if zlib.crc32(png[start + 4 : end - 4]) != int.from_bytes(png[end - 4 : end]):
            break
        if kind in _PIXELS:
            kept.append(png[start:end])
        if kind == b"IEND" and end <= len(png):
            return b"".join(kept)
        start = end
    raise ValueError("not a whole PNG")


def _stored_images(shard: DatasetShard, store: BinaryIO, anonymise: bool) -> Iterator[Image]:
    """Give the images of one shard, and append their PNGs to the store."""
    for row in shard.rows():
        name = image_name(row["clip"], row["frame"])
        png = _png(row["image"]["bytes"], f"{shard.path}: {name}", anonymise)
        about = {column: row[column] for column in ("subject", "clip", "frame", "time_s")}
        digest, start = hashlib.sha256(png).digest(), store.tell()
        yield Image(shard.split, row["label"], Path(name).stem, about, digest, start, store.write(png))


def _png(data: bytes, where: str, anonymise: bool) -> bytes:
    """Return a PNG as it is or, to be anonymous, bare; raise EmoError where it is none."""
    try:
        bare = bare_png(data)
    except ValueError:
        raise EmoError(f"{where}: not a readable image; run `dvc repro dataset`") from None
    return bare if anonymise else data
