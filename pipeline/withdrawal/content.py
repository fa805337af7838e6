"""What a file holds of a person, told from its content: its name may be a digest, or lie."""

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
from pipeline.withdrawal.subject import Person

FRAMES_OR_FACES = "frames or faces"
IMAGES = "images of the dataset"
ROWS = "table with rows of the person"
RECORDING = "recording"
LEFTOVER = "shard of an older emo, of nobody known"

PROVEN = (RECORDING, FRAMES_OR_FACES)
"""Kinds told by the digest of the recording; the others by codes, which another project may use too."""

PICTURES = ("jpeg", "png", "image")
"""Columns that hold encoded pictures."""


def is_parquet(path: Path) -> bool:
    """Tell whether a file is one of Parquet, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def is_text(path: Path) -> bool:
    """Tell whether a file begins as text does: tables and settings, not media."""
    with path.open("rb") as file:
        return b"\0" not in file.read(1024)


def bears_mark(path: Path, subject: str | None = None) -> bool:
    """Tell whether emo made a file that shows a subject, or any, and said so in it."""
    return (subject_tag([subject]) if subject else PREFIX).encode() in _ends(path)


def kind_of(path: Path, person: Person, sha256: str) -> str:
    """Return what a file holds of the person, in words; empty where nothing.

    `sha256` is of the whole file, if it may be a recording; else empty.
    """
    if sha256 in person.recordings:
        return RECORDING
    if is_parquet(path):
        return _kind_of_parquet(path, person)
    return ROWS if _has_rows(path, person) else ""


def _ends(path: Path, length: int = 1 << 20) -> bytes:
    """Return the start and the end of a file, where marks stand."""
    with path.open("rb") as file:
        start = file.read(length)
        file.seek(0, os.SEEK_END)
        file.seek(max(len(start), file.tell() - length))
        return start + file.read(length)


def pictures_in(path: Path, person: Person) -> Iterator[bytes]:
    """Yield the encoded pictures of a Parquet shard; where it tells of which clip, only the person's.

    A shard that a killed run left unfinished yields those that can be read.
    """
    with contextlib.suppress(pa.ArrowInvalid, OSError), pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        wanted = [name for name in PICTURES if name in names]
        clip = ["clip"] if "clip" in names else []
        for batch in file.iter_batches(64, columns=[*wanted, *clip]) if wanted else ():
            rows = batch.to_pydict()
            for at in range(batch.num_rows):
                if not clip or rows["clip"][at] in person.clips:
                    yield from (_bytes(rows[name][at]) for name in wanted if rows[name][at])


def recording_of(path: Path) -> str:
    """Return the SHA-256 of the recording that a file is, or that a shard was made from, where it tells."""
    if not is_parquet(path):
        return sha256(path)
    try:
        return str(read_facts(path).get("recording", ""))
    except (EmoError, OSError, ValueError):
        return ""


def _bytes(value: bytes | dict[str, bytes]) -> bytes:
    return value["bytes"] if isinstance(value, dict) else value


def _kind_of_parquet(path: Path, person: Person) -> str:
    try:
        columns = set(pq.read_schema(path).names)
        if read_facts(path).get("recording") in person.recordings:
            return FRAMES_OR_FACES
        named = [name for name in ("subject", "clip", "other_clip") if name in columns]
        rows = pq.read_table(path, columns=named, use_threads=False) if named else None
    except (EmoError, OSError, ValueError):
        return ""  # not a whole Parquet file: the search by bytes looks into it
    if rows is None or not any(_names_person(rows, name, person) for name in named):
        return ""
    return IMAGES if "image" in columns else ROWS


def _names_person(rows: pa.Table, column: str, person: Person) -> bool:
    values = set(rows.column(column).unique().to_pylist())
    return person.subject in values if column == "subject" else bool(values & person.clips)


def _has_rows(path: Path, person: Person) -> bool:
    """Tell whether a file is a CSV with a column `subject` or `clip` that names the person, also as
    spreadsheets write it, or JSON that names the person's shard.
    """
    with path.open("rb") as file:
        head = file.readline(4096).decode("utf-8-sig", "replace").strip()
    if head.startswith("{"):
        return f"/{person.subject}.parquet".encode() in path.read_bytes()
    delimiter = max(",;\t", key=head.count)
    if not {"subject", "clip"} & {name.strip('"') for name in head.split(delimiter)}:
        return False
    names = {person.subject, *person.clips}
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        try:
            rows = csv.DictReader(text, delimiter=delimiter)
            return any(
                row.get("subject") == person.subject or row.get("clip") in person.clips for row in rows
            )
        except csv.Error:  # a quotation mark that nobody closed, or a text too long: no table by the book
            text.seek(0)
            return any(names & {cell.strip('" \r\n') for cell in line.split(delimiter)} for line in text)
