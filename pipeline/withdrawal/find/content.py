"""Which data of a subject a file holds, by its content: its name may be a digest, or wrong."""

import contextlib
import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.subject_tags import PREFIX, subject_tag
from pipeline.withdrawal.subject import Subject

FRAMES_OR_FACES = "frames or faces"
IMAGES = "images of the dataset"
ROWS = "table with rows of the subject"
RECORDING = "recording"
LEFTOVER = "unfinished shard, or shard of an unknown recording"

PROVEN = (RECORDING, FRAMES_OR_FACES)
"""Kinds recognised by the digest of the recording; the others by ids, which another project may use too."""

IMAGE_COLUMNS = ("jpeg", "png", "image")
"""Columns that hold encoded images."""


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def is_text(path: Path) -> bool:
    """Whether a file begins like text: tables and settings, not media."""
    with path.open("rb") as file:
        return b"\0" not in file.read(1024)


def is_image_or_weights(path: Path) -> bool:
    """Whether a file is a PNG, a JPEG or the weights of a model (safetensors), by its first bytes."""
    with path.open("rb") as file:
        head = file.read(10)
    header = int.from_bytes(head[:8], "little")  # safetensors: the length of the JSON that follows
    is_weights = head[8:10] == b'{"' and header < path.stat().st_size
    return is_weights or head.startswith((b"\x89PNG", b"\xff\xd8\xff"))


def has_tag(path: Path, subject: str | None = None) -> bool:
    """Whether a file has emo's tag of a subject; without `subject`, of any."""
    return (subject_tag([subject]) if subject else PREFIX).encode() in _ends(path)


def kind_of(path: Path, subject: Subject, sha256: str) -> str:
    """Return what a file holds of the subject, in words; empty if nothing.

    `sha256` is the digest of the whole file if it may be a recording, else empty.
    """
    if sha256 in subject.recordings:
        return RECORDING
    if is_parquet(path):
        return _kind_of_parquet(path, subject)
    return ROWS if _has_rows(path, subject) else ""


def images_in(path: Path, subject: Subject) -> Iterator[bytes]:
    """Yield the encoded images of a Parquet shard; of one with a column `clip`, only the subject's.

    Of an unfinished shard, the readable images are yielded.
    """
    with contextlib.suppress(pa.ArrowInvalid, OSError), pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        wanted = [name for name in IMAGE_COLUMNS if name in names]
        clip = ["clip"] if "clip" in names else []
        for batch in file.iter_batches(64, columns=[*wanted, *clip]) if wanted else ():
            rows = batch.to_pydict()
            for at in range(batch.num_rows):
                if not clip or rows["clip"][at] in subject.clips:
                    values = (rows[name][at] for name in wanted)
                    yield from (
                        value["bytes"] if isinstance(value, dict) else value for value in values if value
                    )


def recording_of(path: Path) -> str:
    """Return the SHA-256 of the recording that a file is, or that a shard is made from; empty if unknown."""
    if not is_parquet(path):
        return sha256(path)
    try:
        return str(read_facts(path).get("recording", ""))
    except (EmoError, OSError, ValueError):
        return ""


def _ends(path: Path, length: int = 1 << 20) -> bytes:
    """Return the start and the end of a file, which hold the tags."""
    with path.open("rb") as file:
        start = file.read(length)
        file.seek(0, os.SEEK_END)
        file.seek(max(len(start), file.tell() - length))
        return start + file.read(length)


def _kind_of_parquet(path: Path, subject: Subject) -> str:
    try:
        columns = set(pq.read_schema(path).names)
        if read_facts(path).get("recording") in subject.recordings:
            return FRAMES_OR_FACES
        ids = [name for name in ("subject", "clip", "other_clip") if name in columns]
        rows = pq.read_table(path, columns=ids, use_threads=False) if ids else None
    except (EmoError, OSError, ValueError):
        return ""  # not a complete Parquet file: the byte search covers it
    if rows is None or not any(_lists_subject(rows, name, subject) for name in ids):
        return ""
    return IMAGES if "image" in columns else ROWS


def _lists_subject(rows: pa.Table, column: str, subject: Subject) -> bool:
    values = set(rows.column(column).unique().to_pylist())
    return subject.code in values if column == "subject" else bool(values & subject.clips)


def _has_rows(path: Path, subject: Subject) -> bool:
    """Whether a file is JSON that names the subject's shard, or a table of text with rows of the subject.

    A table has a column `subject` or `clip`; it may be written by a spreadsheet program.
    """
    with path.open("rb") as file:
        head = file.readline(4096).decode("utf-8-sig", "replace").strip()
    if head.startswith("{"):
        return f"/{subject.code}.parquet".encode() in path.read_bytes()
    delimiter = max(",;\t", key=head.count)
    if not {"subject", "clip"} & {name.strip('"') for name in head.split(delimiter)}:
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        try:
            rows = csv.DictReader(text, delimiter=delimiter)
            return any(
                row.get("subject") == subject.code
                or row.get("clip") in subject.clips
                or row.get("recording") in subject.recordings
                for row in rows
            )
        except csv.Error:  # an unclosed quotation mark, or a cell that is too long: search cell by cell
            text.seek(0)
            ids = {subject.code, *subject.clips}
            return any(ids & {cell.strip('" \r\n') for cell in line.split(delimiter)} for line in text)
