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
    "Table, file of ELAN or BORIS, or folder of ELAN files that names every clip; replaces `sources`."
    tier: str = ""
    "Tier of an ELAN file that holds the expressions; empty: the only one that does."
    subject: str = ""
    "Code of the subject, for a file of ELAN or BORIS that states none."
    participants: Path | None = None
    "Table of sex, age and consent."
    consent_source: str = ""
    "Source of the statement that all subjects of this ingest gave consent; empty: it is not stated."
    mapping: Mapping[str, str] = field(default_factory=dict)
    "Expression as written -> label; see `proposals.parse_mapping`."
    skip_unknown: bool = False
    "Whether files of unknown expressions are skipped; otherwise they are errors."
    skip_unusable: bool = False
    "Whether files that cannot be used are left out, with a note on each; otherwise they are errors."
    strict: bool = False
    "Whether recordings that are cut off are errors; otherwise a note reports them."
    link: bool = False
    "Whether recordings are hard-linked; otherwise they are copied."
    wait: bool = True
    "Whether to wait for a running `dvc repro` or another command that changes the study."
    dry_run: bool = False
    "Whether to stop after the plan."
