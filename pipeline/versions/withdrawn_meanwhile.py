"""Commands that read for long and then write: a subject who withdraws meanwhile must not come back."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.runtime.errors import ConsentError
from pipeline.runtime.paths import PARTICIPANTS
from pipeline.runtime.text import listed
from pipeline.schema.participants import WITHDRAWN, read_participants
from pipeline.schema.withdrawals import read_withdrawn, unfinished


@contextmanager
def kept_unless_withdrawn(command: str) -> Iterator[list[Path]]:
    """Keep what the block writes only if no subject withdraws while it runs.

    The block appends each file and folder that it writes to the list that is yielded. They are checked after
    they are in place, not before: a withdrawal that is recorded later than the check finds them itself.

    Args:
        command: Name of the command, for the message.

    Raises:
        ConsentError: A subject withdrew; what was written is removed, also if the block failed.
    """
    before = withdrawn_subjects()
    written: list[Path] = []
    try:
        yield written
    finally:
        if meanwhile := sorted(withdrawn_subjects() - before):
            for path in written:
                _remove(path)
            raise ConsentError(
                f"{listed(meanwhile)} withdrew while `emo {command}` ran; nothing was kept; run it again"
            ) from None


def withdrawn_subjects() -> frozenset[str]:
    """Return the subjects who withdrew by any table, or whose erasure has begun."""
    rows = read_participants() if PARTICIPANTS.is_file() else []
    return frozenset(
        {row.subject for row in rows if row.consent == WITHDRAWN}
        | {row.subject for row in read_withdrawn()}
        | set(unfinished())
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
