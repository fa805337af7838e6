"""Work for the cache and its worker processes, which import it by name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.runtime.cache import Shard, build_shards
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.worker_limits import progress


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
    if text == "hang":
        time.sleep(600)
    if text == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "edited":
        source.write_text("edited, and longer")
    if text.startswith("slow"):
        time.sleep(0.4)
    with (source.parent / "computed.log").open("a") as log:
        log.write(f"{source.name} {os.getpid()}\n")
    target.write_text(text * settings.times)


def note(task: Path) -> None:
    """Leave a mark that the task was run, or fail as its name says."""
    if task.name.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if task.name.startswith("hang"):
        time.sleep(600)
    if task.name.startswith("grow"):
        grown = []
        while True:
            grown.append(b"x" * 20_000_000)
            time.sleep(0.01)
            progress()
    if task.name.startswith("slow"):  # slower than the limit, but with progress
        for _ in range(30):
            time.sleep(0.1)
            progress()
    if task.name.startswith("fail"):
        raise ValueError(task.name)
    with task.open("a") as file:
        file.write("ran\n")


@dataclass
class Bench:
    """A folder of sources, an output folder and a cache beside them."""

    top: Path

    def source(self, name: str, text: str) -> None:
        (self.top / "in").mkdir(exist_ok=True)
        (self.top / "in" / name).write_text(text)

    def build(self, settings: Settings = Settings(), refused: tuple[str, ...] = ()) -> None:
        sources = sorted(path for path in (self.top / "in").iterdir() if path.suffix != ".log")
        shards = [Shard(path.name, path, sha256(path), settings) for path in sources]
        build_shards("copying", shards, copy_times, self.top / "out", refused)

    def fails(self) -> str:
        with pytest.raises(EmoError) as caught:
            self.build()
        return str(caught.value)

    def results(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted((self.top / "out").iterdir())}

    def computed(self) -> list[str]:
        """Return what was computed since the last call."""
        log = self.top / "in" / "computed.log"
        lines = log.read_text().splitlines() if log.is_file() else []
        log.unlink(missing_ok=True)
        return sorted(line.split()[0] for line in lines)
