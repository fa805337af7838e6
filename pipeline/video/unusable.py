"""The error of a recording that cannot be used, as opposed to one of the disk or of the machine."""

from pathlib import Path

from pipeline.runtime.errors import EmoError


class UnusableError(EmoError):
    """The content of a recording is the reason: reading the same bytes again fails again."""

    def __init__(self, path: Path, finding: str, remedy: str) -> None:
        super().__init__(f"{path}: {finding}; {remedy}")
        self.path, self.finding, self.remedy = path, finding, remedy

    def __reduce__(self) -> tuple[type["UnusableError"], tuple[Path, str, str]]:
        """Let worker processes return it."""
        return type(self), (self.path, self.finding, self.remedy)
