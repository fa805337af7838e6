"""What worker processes compute in the tests; a module of its own, since they import it by name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.errors import EmoError


@dataclass(frozen=True)
class Settings:
    """Settings of a pretended stage."""

    times: int = 1


def copy_times(source: Path, settings: Settings, target: Path) -> None:
    """Write the source's text so many times; some texts fail in their own way."""
    text = source.read_text()
    if text == "bad":
        raise EmoError(f"{source}: damaged; replace it")
    if text == "bug":
        raise KeyError("no such thing")
    if text == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if text.startswith("slow"):
        time.sleep(0.4)
    with (source.parent / "computed.log").open("a") as log:
        log.write(f"{source.name} {os.getpid()}\n")
    target.write_text(text * settings.times)


def note(task: Path) -> None:
    """Leave a mark that the task was run, or fail as its name says."""
    if task.name.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if task.name.startswith("fail"):
        raise ValueError(task.name)
    with task.open("a") as file:
        file.write("ran\n")
