"""In unusual projects, no data of others are touched, and nothing of the subject is overlooked."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.erasure import needles_of, search, shards
from tests.support.projects import SUBJECTS, Project, built_project, new_project, recordings

pytestmark = pytest.mark.slow

GONE, OTHER = SUBJECTS[2], SUBJECTS[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built and committed project of six subjects with a model, to be copied."""
    project = built_project(tmp_path_factory, tmp_path_factory.mktemp("template") / "project")
    project.commit("Enrol six subjects", "v1")
    return project.root


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Callable[[str], Project]:
    """Return a function that makes a copy of the project under a name."""

    def made(name: str = "project") -> Project:
        shutil.copytree(template, tmp_path / name)
        return Project(tmp_path / name, tmp_path / name / ".emo/cache")

    return made


@pytest.fixture
def project(copy: Callable[[str], Project]) -> Project:
    return copy("project")


def withdraw(project: Project, subject: str = GONE, **environment: str) -> dict[str, Any]:
    """Run `emo withdraw --yes`; return its JSON, whatever the exit code."""
    return dict(project.answer("withdraw", subject, "--yes", **environment))


def with_remote(project: Project) -> Path:
    """Give a project a remote that has everything; return its folder."""
    remote = project.root.parent / "remote"
    remote.mkdir(exist_ok=True)
    project.run("dvc", "remote", "add", "--default", "store", str(remote))
    project.run("dvc", "push", "-q")
    return remote


def weights(project: Project) -> list[Path]:
    """Return the models that are left, in the workspace and in DVC's cache."""
    places = (project.root / "models", project.root / ".dvc/cache")
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [path for path in files if path.read_bytes()[8:10] == b'{"']


# --- Data of others ---------------------------------------------------------------------------------


def test_foreign_files_beside_the_cache_stay(project: Project, tmp_path: Path) -> None:
    cache = tmp_path / "scratch"
    for name in ("thesis/chapter1.tex", "photos/cat.jpg", "frames/notes.txt"):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text("mine")
    assert withdraw(project, EMO_CACHE=str(cache))["ok"] is True
    for name in ("thesis/chapter1.tex", "photos/cat.jpg", "frames/notes.txt"):
        assert (cache / name).read_text() == "mine"


def test_a_subject_of_another_project_with_the_same_id_stays(project: Project, tmp_path: Path) -> None:
    """Two projects share DVC's cache; the id is another person in the other."""
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
    needles = needles_of(project, GONE)
    outcome = withdraw(project)
    assert outcome["found"] == []
    assert outcome["ok"] is True
    shutil.rmtree(other.root / "data")
    shutil.rmtree(other.root / "raw/videos")
    other.run("git", "checkout", "-q", "data")
    other.run("dvc", "checkout", "-q", "--allow-missing")
    assert shards(other, "nobody") == before
    assert search(Project(cache, cache), needles) == []


def test_images_and_models_that_dvc_tracks_otherwise_stay(project: Project) -> None:
    (project.root / "figures").mkdir()
    shutil.copy(project.root / "reports/funnel.png", project.root / "figures/setup.png")
    (project.root / f"figures/{GONE}.parquet").write_text("written by the lab, not by emo")
    model = next((project.root / "models").glob("*.safetensors"))
    (project.root / "pretrained.safetensors").write_bytes(model.read_bytes()[:-4] + b"1234")
    project.run("dvc", "add", "-q", "figures", "pretrained.safetensors")
    (project.root / "other").mkdir()
    stage = "{cmd: mkdir models && echo net > models/net, outs: [models]}"
    (project.root / "other/dvc.yaml").write_text(f"stages: {{another: {stage}}}")
    project.run("dvc", "repro", "-q", "other/dvc.yaml")
    project.commit("Figures and a model from elsewhere, and another pipeline")
    others = ("figures", "other/models", "pretrained.safetensors")
    before = project.digests(*others)
    assert withdraw(project)["ok"] is True
    for name in others:
        path = project.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    project.run("dvc", "checkout", "-q", "figures.dvc", "pretrained.safetensors.dvc", "other/dvc.yaml")
    assert project.digests(*others) == before


def test_a_reassigned_clip_costs_others_nothing(project: Project) -> None:
    """Version 1 lists the clip for another subject: its shard of then is erased, the other's of now stays."""
    project.edit("raw/clips.csv", rf"({OTHER}_happy,[^\n]*?,){OTHER},", rf"\g<1>{GONE},")
    project.repro("dataset")
    project.commit("Reassign the clip", "v2")
    others = shards(project, GONE)
    outcome = withdraw(project)
    assert outcome["found"] == []
    kept = {name: d for name, d in others.items() if f"{OTHER}_happy" not in name}
    assert kept.items() <= shards(project, GONE).items()


def test_the_id_and_its_number_are_never_reused(project: Project, tmp_path: Path) -> None:
    """Also if the rows were removed by hand first."""
    last = SUBJECTS[-1]
    for name in ("participants", "clips"):
        path = project.root / f"raw/{name}.csv"
        rows = [row for row in path.read_text().splitlines() if last not in row]
        path.write_text("\n".join(rows) + "\n")
    project.commit("Removed by hand")
    assert withdraw(project, last)["ok"] is True
    rows = (project.root / "raw/participants.csv").read_text().splitlines()
    [row] = [row for row in rows if row.startswith(f"{last},")]
    assert f",withdrawn,{len(SUBJECTS)}," in row
    new = recordings(tmp_path / "new", [SUBJECTS[0]], ("sad",))
    (new / SUBJECTS[0]).rename(new / last)
    text = project.emo("ingest", str(new), check=False)
    assert text.startswith("error: ")
    assert f"{last} has withdrawn" in text


# --- Data of the subject ----------------------------------------------------------------------------


def test_objects_that_a_clone_pushes_back_are_recognised(copy: Callable[[str], Project]) -> None:
    project = copy("project")
    with_remote(project)
    needles = needles_of(project, GONE)
    shutil.copytree(project.root, project.root.parent / "clone")
    clone = Project(project.root.parent / "clone", project.root.parent / "clone/.emo/cache")
    assert withdraw(project)["ok"] is True
    clone.run("dvc", "push", "-q", check=False)
    assert search(project, needles) != []
    project.run("dvc", "fetch", "-q", "-A", check=False)
    assert withdraw(project)["ok"] is True
    assert search(project, needles) == []


def test_metrics_of_a_test_subject_are_erased_from_dvcs_cache_too(project: Project) -> None:
    """Git keeps reports/metrics.json, and so does DVC's run-cache."""

    def holding() -> list[Path]:
        objects = [path for path in (project.root / ".dvc/cache/files").rglob("*") if path.is_file()]
        return [path for path in objects if f'"{GONE}"'.encode() in path.read_bytes()]

    assert len(holding()) == 1
    assert withdraw(project)["ok"] is True
    assert holding() == []


def test_it_refuses_while_a_stage_runs(project: Project) -> None:
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
        assert "is running in this project; wait until it ends" in text
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_a_model_is_clean_only_if_its_source_is(project: Project) -> None:
    """The split table no longer has the subject; the model was trained before."""
    project.edit("raw/participants.csv", rf"{SUBJECTS[0]},(.*),unknown,", rf"{SUBJECTS[0]},\1,withdrawn,")
    project.repro("dataset")
    project.commit("By hand")
    assert weights(project)
    assert withdraw(project, SUBJECTS[0])["ok"] is True
    assert weights(project) == []


def test_a_model_trained_without_the_subject_stays(project: Project) -> None:
    first, second = SUBJECTS[0], SUBJECTS[1]  # both train
    assert withdraw(project, first)["ok"] is True
    project.repro("train")
    project.commit("Without the subject")
    before = weights(project)
    assert before
    assert withdraw(project, first)["ok"] is True
    assert weights(project) == before
    assert withdraw(project, second)["ok"] is True
    assert weights(project) == []


def test_metrics_in_git_are_listed_to_commit_as_deleted(project: Project) -> None:
    rows = (project.root / "data/split.csv").read_text().splitlines()
    tested = next(row.split(",")[0] for row in rows if ",test," in row)
    outcome = withdraw(project, tested)
    assert not (project.root / "reports/metrics.json").exists()
    assert "reports/metrics.json" in outcome["commit"]


def test_in_a_shallow_clone_the_erasure_is_not_done(project: Project, tmp_path: Path) -> None:
    project.edit("params.yaml", "margin: 0.0", "margin: 0.1")
    project.commit("More")
    project.run("git", "clone", "-q", "--depth", "1", f"file://{project.root}", str(tmp_path / "shallow"))
    shallow = Project(tmp_path / "shallow", tmp_path / "cache")
    outcome = withdraw(shallow)
    assert outcome["ok"] is False
    assert "git fetch --unshallow" in outcome["history"]
    assert f"note: {outcome['history']}" in shallow.emo("withdraw", GONE, "--yes", check=False)


@pytest.mark.parametrize("name", ["dvc.lock", "raw/clips.csv", "data/split.csv"])
def test_a_commit_with_conflict_markers_stops_nothing(project: Project, name: str) -> None:
    path = project.root / name
    good = path.read_text()
    path.write_text(f"<<<<<<< ours\n{good}=======\n{good}>>>>>>> theirs\n")
    project.commit("A conflict")
    path.write_text(good)
    project.commit("Fixed")
    needles = needles_of(project, GONE)
    assert withdraw(project)["ok"] is True
    assert search(project, needles) == []


def test_an_unreadable_table_stops_it_before_anything_is_changed(project: Project) -> None:
    (project.root / "data/split.csv").write_text("<<<<<<< ours\n")
    before = project.digests("raw", "data")
    text = project.emo("withdraw", GONE, "--yes", check=False)
    assert text.startswith("error: data/split.csv: line 1")
    assert project.digests("raw", "data") == before


def test_pipes_and_broken_links_are_skipped(project: Project) -> None:
    """A named pipe, whose reader would wait for ever, and a link to nothing."""
    os.mkfifo(project.root / "pipe")
    (project.root / "gone").symlink_to("nowhere")
    assert withdraw(project)["ok"] is True
