"""The lock that excludes commands that change the study, and `dvc repro`, from each other: DVC's own lock."""

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.text import one_line

_POLL_S = 0.5


@contextmanager
def locked_study(*, wait: bool = True, copies: bool = False) -> Iterator[Any]:
    """Hold DVC's lock of the study in the current directory, while no stage runs; yield DVC's `Repo`.

    The lock is released when the process ends, however it ends. Within the lock, DVC must be used through the
    `Repo` that is yielded: another DVC command would wait for the lock.

    Args:
        wait: Whether to wait for a running command, with a message on standard error, or to raise EmoError.
        copies: Whether experiments in copies of the study (`dvc exp run --temp`, the queue) count as running.

    Raises:
        EmoError: DVC is not installed, the folder is not in a DVC repository, DVC cannot open it, or another
            command runs and `wait` is false.
    """
    check_dvc()
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        repo = Repo()
    except DvcException as error:
        raise EmoError(f".dvc: DVC cannot open the project: {one_line(error)}") from None
    with repo, ExitStack() as held:
        _acquire(repo, held, wait=wait, copies=copies)
        yield repo


def check_dvc() -> None:
    """Raise EmoError unless DVC is installed and the current directory is in a DVC repository."""
    if importlib.util.find_spec("dvc") is None:
        raise EmoError("dvc: not installed; run `pip install dvc`")
    here = Path.cwd()
    if not any((folder / ".dvc").is_dir() for folder in (here, *here.parents)):
        raise EmoError(f"{here}: not a DVC repository; run `git init` and `dvc init` in it first")


def _acquire(repo: Any, held: ExitStack, *, wait: bool, copies: bool) -> None:
    """Take DVC's lock as soon as no other command holds it and no stage runs; `held` releases it."""
    announced = ""
    while running := _try(repo, held, copies=copies):
        if not wait:
            raise EmoError(f".dvc: {running} is running in this project; wait until it ends, and rerun")
        if running != announced:
            print(f"waiting: {running} is running in this project", file=sys.stderr, flush=True)
            announced = running
        time.sleep(_POLL_S)


def _try(repo: Any, held: ExitStack, *, copies: bool) -> str:
    """Take the lock; return what is running instead, empty if the lock is taken."""
    from dvc.lock import LockError
    from dvc.repo import lock_repo

    with ExitStack() as attempt:
        try:
            attempt.enter_context(lock_repo(repo))
        except LockError:
            return _holder(Path(repo.tmp_dir) / "lock")
        if running := _running_stage(Path(repo.tmp_dir), copies=copies):
            return running
        held.push(attempt.pop_all())
    return ""


def _holder(lock: Path) -> str:
    """Return the command that holds a lock file of DVC, which contains its process number."""
    try:
        pid = int(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another `emo` or `dvc` command"
    return f"another `emo` or `dvc` command (process {pid})"


def _running_stage(folder: Path, *, copies: bool) -> str:
    """Return the command that runs a stage; empty if none runs.

    While a stage runs, DVC releases its own lock and records what the stage reads and writes.
    """
    found = [folder / "rwlock", *((folder / "exps").rglob(".dvc/tmp/rwlock") if copies else ())]
    for entry in (entry for path in found for entry in _entries(path)):
        if entry.get("pid") != os.getpid() and _is_alive(entry.get("pid", 0)):
            return f"`{_without_folder(entry.get('cmd', 'dvc'))}`"
    return ""


def _without_folder(command: str) -> str:
    """Return a command line without its program's folder: `dvc repro`, also for `python -m dvc repro`."""
    program, space, arguments = command.partition(" ")
    path = Path(program)
    return (path.parent.name if path.name == "__main__.py" else path.name) + space + arguments


def _entries(rwlock: Path) -> list[dict[str, Any]]:
    """Return the entries of a lock file of DVC: which command reads and writes which output."""
    try:
        found = parse_json(rwlock.read_bytes() or b"{}")
    except (FileNotFoundError, ValueError):
        found = None
    if not isinstance(found, dict):
        return []
    readers = [entry for entries in found.get("read", {}).values() for entry in entries]
    return [*found.get("write", {}).values(), *readers]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
