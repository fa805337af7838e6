"""What every kind of manifest gives: rows, each a clip of a recording."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ingest.participants_table import read_sex
from pipeline.runtime.errors import EmoError
from pipeline.schema.clips import check_segment

IsExpression = Callable[[str], bool]
"""Whether a word names an expression."""


@dataclass(frozen=True)
class ManifestRow:
    """One clip, as a manifest lists it."""

    where: str
    "File and line, or file and tier and time; starts messages."
    video: Path
    "The recording, which exists."
    subject: str
    "Code as written."
    expression: str
    "Word as written."
    start_s: float | None = None
    "Seconds of the recording; None: its start."
    end_s: float | None = None
    "Seconds of the recording; None: its end."
    apex_s: float | None = None
    session: str = ""
    take: str = ""
    "Shared by the clips of one performance, which have the same subject and expression."
    sex: str = ""

    def __post_init__(self) -> None:
        for name in ("subject", "expression"):
            if not getattr(self, name):
                raise ValueError(f"{name}: empty; every row needs video, subject and expression")
        check_segment(self.start_s, self.end_s, self.apex_s)
        read_sex(self.sex)


@dataclass
class Manifest:
    """The clips of a manifest, and what could not be read."""

    reason: str
    "What was read, for the plan."
    folder: Path
    "Folder to which the paths of recordings are relative."
    rows: list[ManifestRow] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    "One line for each row that could not be read."
    notes: list[str] = field(default_factory=list)
    "One line each: what was understood, and what was not read."

    def add(self, where: str, read: Callable[[], ManifestRow]) -> None:
        """Add the row that `read` returns; if it raises EmoError or ValueError, add an error.

        Args:
            where: File and line; starts the message of a ValueError.
            read: Reads one row.
        """
        try:
            self.rows.append(read())
        except EmoError as error:
            self.errors.append(str(error))
        except ValueError as error:
            self.errors.append(f"{where}: {error}")


@dataclass(frozen=True)
class ManifestOptions:
    """The options of `emo ingest` that only some manifests need."""

    tier: str = ""
    "Tier of an ELAN file whose annotations are the expressions."
    subject: str = ""
    "Code of the subject, where the manifest states none."
