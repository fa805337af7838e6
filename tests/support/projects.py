"""Real projects under DVC and Git, in folders of their own."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.runtime.csv_files import format_csv
from pipeline.runtime.stages import STAGES
from pipeline.schema.clips import Clip
from pipeline.schema.participants import Participant

TOP = Path(__file__).resolve().parents[2]
COHORT = TOP / "demo" / "clips"
SUBJECTS = sorted(path.name for path in COHORT.iterdir() if path.is_dir())[:6]

SMALL = {
    "expressions: .*": "expressions: [happy, surprised]",
    "epochs: [0-9]+": "epochs: 2",
    "fps: .*": "fps: 3.0",
    "resamples: [0-9]+": "resamples: 100",
}
"""Settings that keep a run short."""


@dataclass(frozen=True)
class Project:
    """A copy of emo with recordings of its own."""

    root: Path
    cache: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command; return all that it printed."""
        done = self._done(command, environment)
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def _done(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root, env=self.environment(**environment), capture_output=True, text=True
        )

    def answer(self, *arguments: str, **environment: str) -> Any:
        """Run a command of emo with `--json`; return what it answers on stdout, whatever the exit code.

        Warnings (of DVC, say, that a process was killed) go to stderr and are no part of it.
        """
        done = self._done((sys.executable, "cli.py", *arguments, "--json"), environment)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}") from None

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        fixed = {"PATH": path, "EMO_CACHE": str(self.cache), "EMO_WORKERS": "2", "PYTHONPATH": str(self.root)}
        return {**os.environ, **fixed, "COLUMNS": "200", **more}

    def repro(self, *arguments: str, check: bool = True) -> tuple[list[str], str]:
        """Run `dvc repro`; return the stages that ran, and all that was printed."""
        text = self.run("dvc", "repro", *arguments, check=check)
        return re.findall(r"Running stage '(\w+)'", text), text

    def edit(self, name: str, pattern: str, replacement: str) -> None:
        """Replace the first match in a file."""
        path = self.root / name
        text, count = re.subn(pattern, replacement, path.read_text(), count=1)
        assert count == 1, f"{pattern} not in {name}"
        path.write_text(text)

    def digests(self, *folders: str) -> dict[str, str]:
        """Return the MD5 of every file of some folders."""
        files = [p for f in folders for p in sorted((self.root / f).rglob("*")) if p.is_file()]
        return {str(p.relative_to(self.root)): hashlib.md5(p.read_bytes()).hexdigest() for p in files}

    def emo(self, *arguments: str, check: bool = True) -> str:
        """Run `emo`."""
        return self.run(sys.executable, "cli.py", *arguments, check=check)

    def commit(self, message: str, tag: str = "") -> None:
        """Commit all that Git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)
        if tag:
            self.run("git", "tag", tag)


def built_project(factory: pytest.TempPathFactory, root: Path) -> Project:
    """Return a project of six people with two expressions, all stages run, nothing committed.

    It is built once in a run of the tests, by whichever of their processes asks first, and copied.
    """
    base = factory.getbasetemp()
    template = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built"
    try:
        template.mkdir()
    except FileExistsError:
        _wait_for(template / "over")
    else:
        try:
            project = new_project(template / "project")
            videos = recordings(template / "videos", SUBJECTS, ("happy", "surprised"))
            project.emo("ingest", str(videos), "--participants", str(COHORT / "participants.tsv"))
            assert project.repro()[0] == list(STAGES)
            (template / "project").rename(template / "done")
        finally:
            (template / "over").touch()
    shutil.copytree(template / "done", root)
    return Project(root, root / ".emo/cache")


def _wait_for(mark: Path) -> None:
    deadline = time.monotonic() + 300
    while not mark.exists():
        assert time.monotonic() < deadline, f"{mark.parent}: is still being built"
        time.sleep(0.2)


def new_project(root: Path) -> Project:
    """Return an empty project with settings that keep it small, configured as emo's own."""
    shutil.copytree(TOP / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "raw").mkdir()
    for name in ("cli.py", "dvc.yaml", "params.yaml", ".gitignore", "raw/.gitignore", ".dvcignore"):
        shutil.copy(TOP / name, root / name)
    for name, record in (("participants", Participant), ("clips", Clip)):
        (root / f"raw/{name}.csv").write_text(format_csv([], record))
    project = Project(root, root / ".emo" / "cache")
    for pattern, replacement in SMALL.items():
        project.edit("params.yaml", pattern, replacement)
    project.run("git", "init", "-q", "-b", "main")
    project.run("git", "config", "user.name", "A Lab")
    project.run("git", "config", "user.email", "lab@example.org")
    project.run("dvc", "init", "-q")
    shutil.copy(TOP / ".dvc" / "config", root / ".dvc" / "config")
    return project


def recordings(folder: Path, subjects: list[str], expressions: tuple[str, ...]) -> Path:
    """Copy recordings of virtual participants to `<folder>/<subject>/<expression>.mp4`."""
    for subject in subjects:
        (folder / subject).mkdir(parents=True)
        for expression in expressions:
            shutil.copy(COHORT / subject / f"{expression}.mp4", folder / subject)
    return folder
