"""The command line: it answers fast, teaches, and turns faults of the user into one line."""

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.commands import TASKS
from pipeline.runtime.csv_files import format_csv
from pipeline.schema.clips import Clip
from pipeline.schema.participants import Participant, read_participants

pytestmark = pytest.mark.slow

TOP = Path(__file__).resolve().parents[1]
COMMANDS = [command.__name__ for commands in TASKS.values() for command in commands]


def emo(*arguments: str, cwd: Path = TOP) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(TOP), "PATH": path, "COLUMNS": "200"}
    command = [sys.executable, str(TOP / "cli.py"), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project under Git and DVC."""
    (tmp_path / "raw").mkdir()
    for name in ("dvc.yaml", "params.yaml", "raw/.gitignore"):
        shutil.copy(TOP / name, tmp_path / name)
    for name, record in (("participants", Participant), ("clips", Clip)):
        (tmp_path / f"raw/{name}.csv").write_text(format_csv([], record))
    shutil.copytree(TOP / "demo" / "clips" / "V01", tmp_path / "demo" / "clips" / "V01")
    shutil.copy(TOP / "demo" / "clips" / "participants.tsv", tmp_path / "demo" / "clips")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True, env={**os.environ, "PATH": path})
    return tmp_path


def test_help_names_every_command() -> None:
    text = emo("--help").stdout
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_stands_in_the_readme(command: str) -> None:
    assert len(emo(command, "--help").stdout.splitlines()) > 5
    assert f"emo {command}" in (TOP / "README.md").read_text()


def test_help_loads_no_heavy_library() -> None:
    """It answers at once because these are imported by the commands that need them."""
    heavy = ("torch", "cv2", "av", "pandas", "pyarrow", "dvc", "yaml")
    code = f"import sys, cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_outside_a_project(tmp_path: Path) -> None:
    done = emo("audit", cwd=tmp_path)
    assert done.returncode == 1
    assert "no emo project here" in done.stderr
    assert "Traceback" not in done.stderr


def test_works_from_a_folder_below(project: Path) -> None:
    done = emo("summary", cwd=project / "raw")
    assert done.returncode == 1
    assert "nothing is built yet; run `dvc repro`" in done.stderr


def test_bad_usage_is_code_2(project: Path) -> None:
    assert emo("ingest", "--no-such-option", cwd=project).returncode == 2


def test_demo_enrols_and_is_undone(project: Path) -> None:
    before = (project / "raw/clips.csv").read_text()
    done = emo("demo", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["added"]) == 7
    assert (project / "raw/videos.dvc").is_file()
    again = json.loads(emo("demo", "--json", cwd=project).stdout)
    assert (again["added"], len(again["unchanged"])) == ([], 7)
    state = project / ".emo/withdrawals/V09.json"  # a withdrawal that was tried, and never done
    state.parent.mkdir(parents=True)
    state.write_text('{"done": false}')
    done = emo("demo", "--undo", "--json", cwd=project)
    assert not state.exists()
    assert (done.returncode, json.loads(done.stdout)) == (0, {"removed": 7})
    assert (project / "raw/clips.csv").read_text() == before
    assert not (project / "raw/videos").exists()
    assert not (project / "raw/videos.dvc").exists()


def own_recording(project: Path, code: str = "A1") -> Path:
    """Return a folder with one recording that is not the demo's: other content, same pictures."""
    folder = project / "own" / code
    folder.mkdir(parents=True)
    (folder / "happy.mp4").write_bytes((project / "demo/clips/V01/happy.mp4").read_bytes() + b"\0")
    return folder.parent


def test_undo_leaves_own_recordings(project: Path) -> None:
    assert emo("demo", cwd=project).returncode == 0
    done = emo("ingest", str(own_recording(project)), cwd=project)
    assert "1 virtual participant of the demo enrolled (V01)" in done.stdout
    done = emo("demo", "--undo", cwd=project)
    assert "7 virtual clips removed" in done.stdout
    assert [row.subject for row in read_participants(project / "raw/participants.csv")] == ["A1"]
    assert sorted(path.name for path in (project / "raw/videos").rglob("*.mp4")) == ["A1_happy.mp4"]
    assert emo("audit", cwd=project).returncode == 1  # nothing is built; the tables are in order


def test_undo_never_changes_a_split(project: Path) -> None:
    emo("demo", cwd=project)
    emo("ingest", str(own_recording(project)), cwd=project)
    (project / "data").mkdir()
    (project / "data/split.csv").write_text("subject,sex,split,fold\nA1,,train,1\nV01,F,test,2\n")
    tables = (project / "raw/clips.csv").read_text()
    done = emo("demo", "--undo", cwd=project)
    assert done.returncode == 1
    assert "A1 got its split beside the virtual participants" in done.stderr
    assert (project / "raw/clips.csv").read_text() == tables


def test_the_demo_is_refused_among_own_recordings(project: Path) -> None:
    emo("ingest", str(own_recording(project)), cwd=project)
    done = emo("demo", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "raw/clips.csv: recordings of your own are enrolled (1 clips, the first is" in done.stderr


def test_a_dry_run_changes_nothing(project: Path) -> None:
    before = sorted(path for path in project.rglob("*") if ".dvc" not in path.parts)
    done = emo("ingest", "demo/clips", "--dry-run", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "plan: 7 clips to add" in done.stdout
    after = sorted(path for path in project.rglob("*") if ".dvc" not in path.parts)
    assert [p for p in after if p not in before and ".emo" not in p.parts] == []


def test_predict_without_a_model(project: Path) -> None:
    done = emo("predict", "demo/clips/V01/happy.mp4", cwd=project)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_an_interrupted_command_that_reads_does_not_speak_of_going_on(project: Path) -> None:
    code = (
        "import cli, sys, pipeline.versions.history as v\n"
        "def stop(*_, **__): raise KeyboardInterrupt\n"
        "v.history = stop\n"
        "sys.argv = ['emo', 'versions']\n"
        "cli.app()"
    )
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "stopped; nothing was changed\n")


@pytest.mark.parametrize(
    ("command", "registry"),
    [
        ("ingest", "pipeline.ingest.layouts.registry.LAYOUTS"),
        ("export", "pipeline.export.registry.LAYOUTS"),
        ("protocols", "pipeline.learning.protocols.registry.PROTOCOLS"),
    ],
)
def test_help_lists_every_choice(command: str, registry: str) -> None:
    """They are written out, because help must not wait for the modules that have them."""
    module, _, name = registry.rpartition(".")
    text = "".join(emo(command, "--help").stdout.split())  # lines break at hyphens
    assert [choice for choice in getattr(import_module(module), name) if choice not in text] == []


@pytest.mark.parametrize(
    ("program", "loading"),
    [
        (["cli.py", "predict", "x.mp4"], "typer"),
        (["-m", "pipeline.stages.train"], "torch"),
        (["-m", "pipeline.stages.faces"], "numpy"),
    ],
)
def test_ctrl_c_while_modules_load_is_one_line(program: list[str], loading: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TOP), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-X", "importtime", *program]
    with subprocess.Popen(command, cwd=TOP, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.rpartition("|")[2].strip().startswith(loading):
                process.send_signal(signal.SIGINT)
                break
        rest = [line for line in process.stderr if not line.startswith("import time:")]
    assert process.returncode == 130
    assert [line for line in rest if not line.startswith("stopped")] == []
    assert len(rest) == 1


@pytest.mark.parametrize(
    "arguments", [["x\x1b[31m"], ["--x\x1b[31m"], ["diff", "x\x1b[31m"], ["trace", "\u202ex\x1b[2J"]]
)
def test_control_characters_of_arguments_are_not_printed(project: Path, arguments: list[str]) -> None:
    done = emo(*arguments, cwd=project)
    assert done.returncode in (1, 2)
    assert not set("\x1b\u202e") & set(done.stdout + done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["params.yaml", "raw/participants.csv", "raw/clips.csv"])
def test_a_pipe_in_place_of_a_table_does_not_block(project: Path, name: str) -> None:
    (project / name).unlink()
    os.mkfifo(project / name)
    done = emo("ingest", "demo/clips", "--dry-run", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {name}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("fps", ["inf", "nan", "0", "-1"])
def test_predict_refuses_a_rate_that_is_none(project: Path, fps: str) -> None:
    done = emo("predict", "x.mp4", "--fps", fps, cwd=project)
    assert done.returncode == 2
    assert "--fps" in done.stderr
