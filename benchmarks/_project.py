"""A separate emo project with its own recordings, to measure in."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.csv_files import format_csv
from pipeline.schema.clips import Clip
from pipeline.schema.participants import Participant

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("cli.py", "dvc.yaml", "params.yaml", ".gitignore", ".dvcignore", "raw/.gitignore")


@dataclass(frozen=True)
class Spent:
    """The time that a command took."""

    wall_s: float
    cpu_s: float
    "of the process and all its children"
    output: str


@dataclass(frozen=True)
class Project:
    """A copy of emo's code with its own raw/, cache and DVC cache."""

    root: Path

    def run(self, *command: str) -> Spent:
        """Run a command to its end; raise RuntimeError with its output if it fails."""
        before, start = os.times(), time.perf_counter()
        done = subprocess.run(command, cwd=self.root, env=self._environment(), capture_output=True, text=True)
        wall_s, after = time.perf_counter() - start, os.times()
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
        cpu_s = sum(after[2:4]) - sum(before[2:4])
        return Spent(wall_s, cpu_s, done.stdout + done.stderr)

    def emo(self, *arguments: str) -> Spent:
        """Run `emo`."""
        return self.run(sys.executable, "cli.py", *arguments)

    def stage(self, name: str) -> Spent:
        """Run one stage as DVC does, without DVC."""
        return self.run(sys.executable, "-m", f"pipeline.stages.{name}")

    def repro(self, *targets: str) -> Spent:
        """Run `dvc repro`."""
        return self.run("dvc", "repro", *targets)

    def edit(self, name: str, pattern: str, replacement: str) -> None:
        """Replace the first match of a pattern in a file; raise ValueError if there is none."""
        path = self.root / name
        text, count = re.subn(pattern, replacement, path.read_text(), count=1)
        if not count:
            raise ValueError(f"{name}: nothing matches {pattern}")
        path.write_text(text)

    def forget(self, *folders: str) -> None:
        """Remove folders and their content."""
        for folder in folders:
            shutil.rmtree(self.root / folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        cache = str(self.root / ".emo" / "cache")
        return {**os.environ, "PATH": path, "PYTHONPATH": str(self.root), "EMO_CACHE": cache}


def new_project(root: Path) -> Project:
    """Return an empty project under Git and DVC in the empty folder `root`."""
    shutil.copytree(ROOT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "raw").mkdir()
    for name in _COPIED:
        shutil.copy(ROOT / name, root / name)
    for name, record in (("participants", Participant), ("clips", Clip)):
        (root / f"raw/{name}.csv").write_text(format_csv([], record))
    project = Project(root)
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc" / "config")
    return project


def enrol(project: Project, videos: Sequence[Path], source: Path) -> Spent:
    """Enrol recordings `<subject>/<expression>.mp4` from hard links in `source`; the originals stay."""
    for video in videos:
        target = source / video.parent.name / video.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.link(video, target)
    return project.emo("ingest", str(source), "--link")
