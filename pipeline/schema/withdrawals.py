"""raw/withdrawn.csv: subjects who withdrew, with the digests of the erased recordings.

Ingest and audit recognise these recordings if they come back. `emo withdraw` writes the table, which is in
Git, and a copy outside Git that no checkout of an older version removes.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.json_files import read_json_object
from pipeline.runtime.paths import WITHDRAWAL_STATE, WITHDRAWALS, WITHDRAWALS_COPY, original


@dataclass(frozen=True)
class Withdrawal:
    """One row: a recording of a subject who withdrew. The digest does not reveal its content."""

    subject: str
    sha256: str
    "64 hexadecimal digits; empty if no recording was known."
    md5: str = ""
    "MD5 of the content, by which DVC names the file; empty if it is not known."

    def __post_init__(self) -> None:
        if self.sha256 and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256: {self.sha256!r} is not 64 hexadecimal digits")


def read_withdrawn(*paths: Path) -> set[Withdrawal]:
    """Return the rows of both tables, or of those at `paths`; a missing table has no rows."""
    usual = (WITHDRAWALS, original(Path.cwd()) / WITHDRAWALS_COPY)
    tables = [path for path in paths or usual if path.is_file()]
    return {row for path in tables for row in read_csv(path, Withdrawal)}


def unfinished() -> list[str]:
    """Return the subjects whose erasure has started in this clone but is not finished and proved."""
    return sorted(subject for subject, state in _states().items() if not state["done"])


def erased_objects() -> set[str]:
    """Return the MD5 of the objects that were erased in this clone."""
    return {md5 for state in _states().values() for md5 in state["objects"]}


def read_state(path: Path) -> dict[str, Any]:
    """Return the state of an erasure; raise EmoError if the file is damaged."""
    remedy = f"remove it and rerun `emo withdraw {path.stem} --yes`"
    state = read_json_object(path, remedy=remedy)
    if not {"done", "objects", "person"} <= state.keys():
        raise EmoError(f"{path}: damaged; {remedy}")
    return state


def _states() -> dict[str, dict[str, Any]]:
    """Return the state of each erasure, by subject."""
    return {path.stem: read_state(path) for path in sorted(WITHDRAWAL_STATE.glob("*.json"))}
