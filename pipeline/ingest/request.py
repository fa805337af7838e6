"""What the user asks an ingest for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ingest.layouts.registry import AUTO


@dataclass(frozen=True)
class Request:
    """What the user asks for. Paths are absolute, or relative to the top of the project."""

    sources: tuple[Path, ...] = ()
    "folders and files"
    layout: str = AUTO
    manifest: Path | None = None
    participants: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    "expression as written -> one of the seven; see `proposals.parse_mapping`"
    skip_unknown: bool = False
    link: bool = False
    dry_run: bool = False
