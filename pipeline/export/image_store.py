"""The images of an export: read from the dataset, named, ordered and, on request, anonymised."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pipeline.runtime.errors import ConsentError, EmoError, NotBuiltError
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import listed
from pipeline.schema.dataset import DatasetShard, check_same_classes, image_name, read_dataset_shard
from pipeline.schema.image_subjects import subject_caveat
from pipeline.schema.participants import NOTED, UNKNOWN, Participant, processable
from pipeline.schema.split import SPLITS

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
"""The chunks that hold the pixels; all others hold metadata."""


@dataclass(frozen=True, slots=True)
class ExportImage:
    """One image of an export, and its columns."""

    split: str
    label: int
    "Position among the classes."
    name: str
    "File name without suffix: unique, without a dot."
    columns: dict[str, str | int | float]
    "Its other columns: subject, clip, frame and time_s, or only person."
    digest: bytes
    "SHA-256 of its PNG."
    start: int
    "Position of its PNG in the file of the store, in bytes."
    length: int
    "Size of its PNG, in bytes."


@dataclass(frozen=True)
class ImageStore:
    """All images of an export. Their PNGs are in a file, so that only their columns take memory."""

    classes: tuple[str, ...]
    "In the order of the labels."
    rows: tuple[ExportImage, ...]
    file: BinaryIO
    "The PNGs, one after the other."
    anonymous: bool
    caveat: str
    "The caveat of all metrics if images have no subject id; empty if all have one."
    consent_unknown: int
    "Number of subjects whose consent is unknown."

    @property
    def splits(self) -> list[str]:
        """The splits that have images, train first."""
        present = {row.split for row in self.rows}
        return [split for split in SPLITS if split in present]

    @property
    def columns(self) -> list[str]:
        """The columns of every image besides its label."""
        return list(self.rows[0].columns)

    def of(self, split: str) -> list[ExportImage]:
        """Return the images of one split, in the order of the export."""
        return [row for row in self.rows if row.split == split]

    def subject_count(self, split: str) -> int:
        """Return the number of subjects of a split."""
        return len({row.columns["person" if self.anonymous else "subject"] for row in self.of(split)})

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of images by split and class."""
        counts = {split: dict.fromkeys(self.classes, 0) for split in self.splits}
        for row in self.rows:
            counts[row.split][self.classes[row.label]] += 1
        return counts

    def png(self, row: ExportImage) -> bytes:
        """Return the PNG of one image."""
        self.file.seek(row.start)
        return self.file.read(row.length)


def read_images(
    shards: Sequence[Path],
    file: BinaryIO,
    participants: Sequence[Participant],
    *,
    anonymise: bool,
    consent: str = NOTED,
) -> ImageStore:
    """Read all shards, one at a time, and append their PNGs to `file`.

    The images are in the order of the dataset, or, anonymised, in that of `anonymous`. Raises ConsentError if
    a shard has an image of a subject without consent, EmoError if it is damaged or has other classes than the
    first, NotBuiltError if there are no images.
    """
    classes, shown = read_dataset_shard(shards[0], []).classes, processable(participants, consent)
    rows: list[ExportImage] = []
    with progress_bar("read", len(shards)) as advance:
        for path in shards:
            shard = read_dataset_shard(path)
            check_same_classes(shard, classes)
            images = list(_append_images(shard, file, anonymise))
            _check_consent(path, {str(row.columns["subject"]) for row in images} - shown)
            rows += images
            advance()
    if not rows:
        raise NotBuiltError(f"{shards[0].parents[1]}: no images; run `dvc repro`")
    subjects = {row.columns["subject"] for row in rows}
    present = [person for person in participants if person.subject in subjects]
    caveat = subject_caveat(sum(person.is_image for person in present), len(subjects))
    unknown = sum(person.consent == UNKNOWN for person in present)
    ordered = tuple(anonymous(rows) if anonymise else rows)
    return ImageStore(classes, ordered, file, anonymise, caveat, unknown)


def _check_consent(path: Path, without_consent: set[str]) -> None:
    if without_consent:
        subjects = listed(sorted(without_consent))
        raise ConsentError(
            f"{path}: {subjects} withdrew, or consent is not given; run `dvc repro`, then export"
        )


def by_digest(rows: Iterable[ExportImage]) -> list[ExportImage]:
    """Return images in the order of their PNGs' SHA-256: a fixed order that mixes classes and subjects."""
    return sorted(rows, key=lambda row: (row.digest, row.label))


def anonymous(rows: Iterable[ExportImage]) -> list[ExportImage]:
    """Return images in the order of their digests, numbered, with a number in place of each subject.

    Neither the numbers nor the order depend on subjects' codes, clips or the sequence of frames.
    """
    ordered = by_digest(rows)
    numbers: dict[object, int] = {}
    width = max(6, len(str(len(ordered))))
    return [
        replace(
            row,
            name=f"{number:0{width}d}",
            columns={"person": numbers.setdefault(row.columns["subject"], len(numbers) + 1)},
        )
        for number, row in enumerate(ordered, 1)
    ]


def bare_png(png: bytes) -> bytes:
    """Return a PNG without text, times, profiles and bytes after its end; the pixels are unchanged.

    Raises ValueError if it is not a whole PNG (chunks by W3C Portable Network Graphics, 5.3).
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


def _append_images(shard: DatasetShard, file: BinaryIO, anonymise: bool) -> Iterator[ExportImage]:
    """Append the PNGs of a shard to the file, and yield its images."""
    for row in shard.rows():
        name = image_name(row["clip"], row["frame"])
        png = _checked_png(row["image"]["bytes"], f"{shard.path}: {name}", anonymise)
        columns = {column: row[column] for column in ("subject", "clip", "frame", "time_s")}
        digest, start = hashlib.sha256(png).digest(), file.tell()
        yield ExportImage(shard.split, row["label"], Path(name).stem, columns, digest, start, file.write(png))


def _checked_png(data: bytes, where: str, anonymise: bool) -> bytes:
    """Return a PNG as it is or, to be anonymous, without metadata; raise EmoError if it is damaged."""
    try:
        bare = bare_png(data)
    except ValueError:
        raise EmoError(f"{where}: not a readable image; run `dvc repro dataset`") from None
    return bare if anonymise else data
