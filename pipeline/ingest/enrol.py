"""Acting on a plan: recordings first, then the tables, so that a table never names what is not there."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pipeline.ingest.inspection import threads
from pipeline.ingest.plan import Plan, Step
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, VIDEOS
from pipeline.runtime.progress import Advance
from pipeline.schema.clips import Clip
from pipeline.schema.participants import Participant

BATCH = 16
"""Recordings between two writings of the tables, at least: what a kill leaves for the next run to list."""

_SHARE = 8
"""A batch is an eighth of what is listed, if that is more: the tables are written whole each time."""

_LOCK = Path(".emo/ingest.lock")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENAMETOOLONG, errno.ELOOP)


@contextmanager
def exclusive() -> Iterator[None]:
    """Keep a second ingest out; the lock ends with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: no lock
        yield
        return
    _LOCK.parent.mkdir(exist_ok=True)
    with _LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EmoError(
                f"{_LOCK}: another `emo ingest` or `emo withdraw` is at work here; wait for its end"
            ) from None
        yield


@contextmanager
def disk_faults(where: str) -> Iterator[None]:
    """Turn what the machine lacks, space or permission, into an EmoError that names `where`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (*_FULL, *_DENIED):
            raise
        remedy = "free some space" if error.errno in _FULL else f"mend that ({error.filename or where})"
        raise EmoError(
            f"{where}: {error.strerror}; {remedy} and run the same command again: it goes on from there"
        ) from None


def check_space(plan: Plan, *, link: bool) -> None:
    """Raise EmoError where the copies cannot fit."""
    copies = [step for step in plan.steps if step.source and not (VIDEOS / step.video).exists()]
    needed = 0 if link else sum(step.size_bytes for step in copies)
    free = shutil.disk_usage(next(p for p in (VIDEOS, *VIDEOS.parents) if p.exists())).free
    if needed > free:
        raise EmoError(
            f"{VIDEOS}: {_size(needed)} to copy, {_size(free)} free on this disk; free some, or use --link"
        )


def carry_out(
    plan: Plan, *, link: bool, progress: Callable[[str, int], AbstractContextManager[Advance]]
) -> None:
    """Put the recordings in their places and write the tables, batch by batch.

    Steps come sorted by subject, and so do new participants: each batch enrols those that it brings.
    """
    sweep()
    known = {person.subject: person for person in (*plan.state.people, *plan.people.completed)}
    clips = list(plan.state.clips)
    if plan.people.completed:
        write_csv(PARTICIPANTS, known.values(), Participant)
    new = {person.subject: person for person in plan.people.new}
    with progress("copying", len(plan.steps)) as advance:
        for batch in _batches(plan.steps, len(clips)):
            threads(lambda step: _place(step, link=link), batch, advance)
            clips += [clip for step in batch for clip in step.clips]
            known |= {clip.subject: new[clip.subject] for clip in clips if clip.subject in new}
            write_csv(PARTICIPANTS, known.values(), Participant)
            write_csv(CLIPS, clips, Clip)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _batches(steps: Sequence[Step], listed: int) -> Iterator[Sequence[Step]]:
    """Yield the steps in batches that grow with what is `listed` before."""
    start = 0
    while start < len(steps):
        end = start + max(BATCH, (listed + start) // _SHARE)
        yield steps[start:end]
        start = end


def _place(step: Step, *, link: bool) -> None:
    """Put one recording in its place, whole: by a temporary file, checked, then renamed."""
    target = VIDEOS / step.video
    if step.source is None or (target.is_file() and sha256(target) == step.sha256):
        return  # the second: a killed run copied it, and did not come to list it
    with disk_faults(str(target)), replacing(target) as temporary:
        _link(step.source, temporary) if link else _copy(step.source, temporary)
        if sha256(temporary) != step.sha256:
            raise EmoError(f"{step.source}: changed while it was read; repeat when it is finished")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError as error:
        if error.errno in _FULL:
            raise
        raise EmoError(
            f"{source}: cannot be hard-linked into {VIDEOS} ({error.strerror}); leave out --link"
        ) from None


def sweep() -> None:
    """Remove the temporary files that killed runs left in raw/; the lock keeps other runs out."""
    for folder, pattern in ((VIDEOS.parent, ".*.tmp"), (VIDEOS, "**/.*.tmp")):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
