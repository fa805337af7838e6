"""Nobody else's data are touched, and nothing of the person is overlooked, in odd projects."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_versions import needles_of, search, shards

from tests.support.projects import SUBJECTS, Project, built_project, new_project, recordings

GONE, OTHER = SUBJECTS[2], SUBJECTS[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built and committed project of six people with a net, to be copied."""
    project = built_project(tmp_path_factory, tmp_path_factory.mktemp("template") / "project")
    project.commit("Enrol six people", "v1")
    return project.root


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Callable[[str], Project]:
    """Return a function that makes a copy of the project under a name."""

    def made(name: str = "project") -> Project:
        shutil.copytree(template, tmp_path / name)
        return Project(tmp_path / name, tmp_path / name / ".emo/memo")

    return made


@pytest.fixture
def project(copy: Callable[[str], Project]) -> Project:
    return copy("project")


def withdraw(project: Project, subject: str = GONE, **environment: str) -> dict[str, Any]:
    """Run it; return the JSON, whatever the exit code."""
    return dict(project.answer("withdraw", subject, "--yes", **environment))


def with_remote(project: Project) -> Path:
    """Give a project a remote that has everything; return its folder."""
    remote = project.root.parent / "remote"
    remote.mkdir(exist_ok=True)
    project.run("dvc", "remote", "add", "--default", "store", str(remote))
    project.run("dvc", "push", "-q")
    return remote


def weights(project: Project) -> list[Path]:
    """Return the nets that are left, in the workspace and in the cache."""
    places = (project.root / "models", project.root / ".dvc/cache")
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [path for path in files if path.read_bytes()[8:10] == b'{"']


# --- Others' data -----------------------------------------------------------------------------------


def test_foreign_files_beside_the_memo_stay(project: Project, tmp_path: Path) -> None:
    memo = tmp_path / "scratch"
    for name in ("thesis/chapter1.tex", "photos/cat.jpg", "frames/notes.txt"):
        (memo / name).parent.mkdir(parents=True, exist_ok=True)
        (memo / name).write_text("mine")
    assert withdraw(project, EMO_MEMO=str(memo))["ok"] is True
    for name in ("thesis/chapter1.tex", "photos/cat.jpg", "frames/notes.txt"):
        assert (memo / name).read_text() == "mine"


def test_a_person_of_another_project_with_the_same_code_stays(project: Project, tmp_path: Path) -> None:
    """Two projects share a cache; what is called V03 in the other is somebody else."""
    cache = tmp_path / "shared"
    other = new_project(tmp_path / "other")
    videos = recordings(tmp_path / "videos", [SUBJECTS[4]], ("happy", "surprised"))
    (videos / SUBJECTS[4]).rename(videos / GONE)
    (project.root / ".dvc/cache").rename(cache)
    for one in (project, other):
        one.run("dvc", "cache", "dir", str(cache))
        one.run("dvc", "config", "cache.type", "copy")
    other.emo("ingest", str(videos))
    other.repro("dataset")
    other.commit("Enrol")
    before = shards(other, "nobody")
    needles = needles_of(project, GONE, "")
    outcome = withdraw(project)
    assert outcome["found"] == []
    assert outcome["ok"] is True
    shutil.rmtree(other.root / "data")
    shutil.rmtree(other.root / "raw/videos")
    other.run("git", "checkout", "-q", "data")
    other.run("dvc", "checkout", "-q", "--allow-missing")
    assert shards(other, "nobody") == before
    assert search(Project(cache, cache), needles) == []


def test_pictures_and_nets_that_dvc_tracks_otherwise_stay(project: Project) -> None:
    (project.root / "figures").mkdir()
    shutil.copy(project.root / "reports/funnel.png", project.root / "figures/setup.png")
    (project.root / f"figures/{GONE}.parquet").write_text("the lab's own, not of emo")
    net = next((project.root / "models").glob("*.safetensors"))
    (project.root / "pretrained.safetensors").write_bytes(net.read_bytes()[:-4] + b"1234")
    project.run("dvc", "add", "-q", "figures", "pretrained.safetensors")
    (project.root / "other").mkdir()
    stage = "{cmd: mkdir models && echo net > models/net, outs: [models]}"
    (project.root / "other/dvc.yaml").write_text(f"stages: {{another: {stage}}}")
    project.run("dvc", "repro", "-q", "other/dvc.yaml")
    project.commit("Figures and a net from elsewhere, and another pipeline")
    places = ("figures", "other/models", "pretrained.safetensors")
    before = project.digests(*places)
    assert withdraw(project)["ok"] is True
    for name in places:
        path = project.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    project.run("dvc", "checkout", "-q", "figures.dvc", "pretrained.safetensors.dvc", "other/dvc.yaml")
    assert project.digests(*places) == before


def test_a_clip_that_changed_hands_costs_nobody_else_a_thing(project: Project) -> None:
    """What version 1 calls V02's is V03's now: the shard of then goes, V02's of now stays."""
    project.edit("raw/clips.csv", rf"({OTHER}_happy,[^\n]*?,){OTHER},", rf"\g<1>{GONE},")
    project.repro("dataset")
    project.commit("The clip is another person's", "v2")
    others = shards(project, GONE)
    outcome = withdraw(project)
    assert outcome["found"] == []
    kept = {name: d for name, d in others.items() if f"{OTHER}_happy" not in name}
    assert kept.items() <= shards(project, GONE).items()


def test_the_code_and_its_number_are_never_given_again(project: Project, tmp_path: Path) -> None:
    """Also where somebody took the rows out by hand first."""
    last = SUBJECTS[-1]
    for name in ("participants", "clips"):
        path = project.root / f"raw/{name}.csv"
        rows = [row for row in path.read_text().splitlines() if last not in row]
        path.write_text("\n".join(rows) + "\n")
    project.commit("Gone by hand")
    assert withdraw(project, last)["ok"] is True
    assert (
        f"{last},{'FM'[0]}" in (text := (project.root / "raw/participants.csv").read_text()) or last in text
    )
    new = recordings(tmp_path / "new", [SUBJECTS[0]], ("sad",))
    (new / SUBJECTS[0]).rename(new / last)
    assert f"{last} has withdrawn" in project.emo("ingest", str(new), check=False)


# --- Of the person ----------------------------------------------------------------------------------


def test_what_a_clone_pushes_back_is_known(copy: Callable[[str], Project]) -> None:
    project = copy("project")
    with_remote(project)
    needles = needles_of(project, GONE, "")
    shutil.copytree(project.root, project.root.parent / "clone")
    clone = Project(project.root.parent / "clone", project.root.parent / "clone/.emo/memo")
    assert withdraw(project)["ok"] is True
    clone.run("dvc", "push", "-q", check=False)
    assert search(project, needles) != []
    project.run("dvc", "fetch", "-q", "-A", check=False)
    assert withdraw(project)["ok"] is True
    assert search(project, needles) == []


def test_figures_of_a_test_person_leave_the_cache_too(project: Project) -> None:
    """Git keeps reports/metrics.json, and so does DVC's run-cache."""

    def told() -> list[Path]:
        objects = [path for path in (project.root / ".dvc/cache/files").rglob("*") if path.is_file()]
        return [path for path in objects if f'"{GONE}"'.encode() in path.read_bytes()]

    assert len(told()) == 1
    assert withdraw(project)["ok"] is True
    assert told() == []


def test_it_waits_for_a_stage_that_runs(project: Project) -> None:
    project.edit("params.yaml", "epochs: 2", "epochs: 4000")
    project.edit("params.yaml", "patience: 60", "patience: 4000")
    running = subprocess.Popen(
        ["dvc", "repro", "train"],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout
    try:
        while "Running stage 'train'" not in running.stdout.readline():
            assert running.poll() is None
        time.sleep(1)
        text = project.emo("withdraw", GONE, "--yes", check=False)
        assert "is at work here; wait for its end" in text
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_a_net_is_clean_only_where_its_source_is(project: Project) -> None:
    """The split table no longer has the person; the net was trained before."""
    project.edit("raw/participants.csv", rf"{SUBJECTS[0]},(.*),given,", rf"{SUBJECTS[0]},\1,withdrawn,")
    project.repro("dataset")
    project.commit("By hand")
    assert weights(project)
    assert withdraw(project, SUBJECTS[0])["ok"] is True
    assert weights(project) == []


def test_a_net_trained_without_the_person_stays(project: Project) -> None:
    first, second = SUBJECTS[0], SUBJECTS[1]  # both train
    assert withdraw(project, first)["ok"] is True
    project.repro("train")
    project.commit("Without the person")
    before = weights(project)
    assert before
    assert withdraw(project, first)["ok"] is True
    assert weights(project) == before
    assert withdraw(project, second)["ok"] is True
    assert weights(project) == []


def test_figures_that_git_keeps_are_to_be_committed_as_deleted(project: Project) -> None:
    rows = (project.root / "data/split.csv").read_text().splitlines()
    tested = next(row.split(",")[0] for row in rows if ",test," in row)
    outcome = withdraw(project, tested)
    assert not (project.root / "reports/metrics.json").exists()
    assert "reports/metrics.json" in outcome["commit"]


def test_a_shallow_clone_cannot_be_sure(project: Project, tmp_path: Path) -> None:
    project.edit("params.yaml", "margin: 0.0", "margin: 0.1")
    project.commit("More")
    project.run("git", "clone", "-q", "--depth", "1", f"file://{project.root}", str(tmp_path / "shallow"))
    shallow = Project(tmp_path / "shallow", tmp_path / "memo")
    outcome = withdraw(shallow)
    assert outcome["ok"] is False
    assert "git fetch --unshallow" in outcome["history"]
    assert f"note: {outcome['history']}" in shallow.emo("withdraw", GONE, "--yes", check=False)


@pytest.mark.parametrize("name", ["dvc.lock", "raw/clips.csv", "data/split.csv"])
def test_a_commit_with_the_marks_of_a_conflict_stops_nothing(project: Project, name: str) -> None:
    path = project.root / name
    good = path.read_text()
    path.write_text(f"<<<<<<< ours\n{good}=======\n{good}>>>>>>> theirs\n")
    project.commit("A conflict")
    path.write_text(good)
    project.commit("Mended")
    needles = needles_of(project, GONE, "")
    assert withdraw(project)["ok"] is True
    assert search(project, needles) == []


def test_a_table_that_is_none_stops_it_before_anything_is_changed(project: Project) -> None:
    (project.root / "data/split.csv").write_text("<<<<<<< ours\n")
    before = project.digests("raw", "data")
    text = project.emo("withdraw", GONE, "--yes", check=False)
    assert text.startswith("error: data/split.csv: line 1")
    assert project.digests("raw", "data") == before


def test_files_that_vanish_meanwhile_are_counted(project: Project) -> None:
    """A named pipe's reader would wait for ever, and a log that turns is gone when it is its turn."""
    os.mkfifo(project.root / "pipe")
    (project.root / "gone").symlink_to("nowhere")
    assert withdraw(project)["ok"] is True
