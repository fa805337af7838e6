"""Why the path of a recording is not read."""

from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True)
class Finding:
    """Why a path is not read."""

    reason: str
    "Findings of the same reason are reported together."
    codes: tuple[str, ...] = ()
    "The texts that may be the subject."
    remedy: str | None = None
    "None: name the subject by a --subject-pattern, a new name or a manifest."


class UnclearError(Exception):
    """The path is not read."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason)
        self.finding = finding


RENAME = "rename it, or list it in a --manifest"

NO_EXPRESSION = Finding("its name states no expression", remedy=RENAME)
NEITHER = Finding("name does not state subject and expression", remedy=RENAME)
NO_SUBJECT = "name states no subject"
AMBIGUOUS = "name is ambiguous"


def refuse(*codes: str) -> NoReturn:
    """Refuse a path in which each of some texts may be the subject."""
    raise UnclearError(Finding(AMBIGUOUS if codes else NO_SUBJECT, codes))
