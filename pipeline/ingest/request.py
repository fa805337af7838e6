"""The options of an ingest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ingest.layouts.registry import AUTO


@dataclass(frozen=True)
class Request:
    """What to ingest, and how. Paths are absolute, or relative to the top of the project."""

    sources: tuple[Path, ...] = ()
    "Folders and files."
    layout: str = AUTO
    "A layout, or `auto`."
    subject_pattern: str = ""
    "Regular expression with the group `subject`, searched in each path; replaces the layout. Empty: none."
    manifest: Path | None = None
    "Table that names every clip; replaces `sources`."
    participants: Path | None = None
    "Table of sex and age."
    mapping: Mapping[str, str] = field(default_factory=dict)
    "Expression as written -> one of the seven; see `proposals.parse_mapping`."
    skip_unknown: bool = False
    "Whether files of unknown expressions are skipped; otherwise they are errors."
    link: bool = False
    "Whether recordings are hard-linked; otherwise they are copied."
    dry_run: bool = False
    "Whether to stop after the plan."
