"""The whole pipeline under real DVC and Git: what runs after which change, and what a kill costs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from pipeline.runtime.stages import STAGES
from pipeline.schema.decisions import format_decisions
from tests.support.projects import COHORT, SUBJECTS, Project, built_project, new_project, recordings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of six people; tests change it and leave it built."""
    return built_project(tmp_path_factory, tmp_path_factory.mktemp("pipeline") / "project with a space")


def test_nothing_runs_twice(built: Project) -> None:
    assert built.repro()[0] == []


PARAM_EDITS = {
    # section: (pattern, replacement, stages that must run)
    "frames": ("jpeg_quality: .*", "jpeg_quality: 60", ["frames", "faces", "dedup", "dataset"]),
    "faces": ("margin: .*", "margin: 0.3", ["faces", "dedup", "dataset"]),
    "dedup": ("collapse: .*", "collapse: false", ["dedup", "dataset"]),
    "split": ("  seed: 4 ", "  seed: 6 ", ["split", "dataset"]),
    "dataset": (r"expressions: \[.*\]", "expressions: [surprised, happy]", ["dataset"]),
    "train": ("learning_rate: .*", "learning_rate: 0.0005", ["train", "evaluate"]),
    "evaluate": ("resamples: .*", "resamples: 120", ["evaluate"]),
}


@pytest.mark.parametrize("section", PARAM_EDITS)
def test_a_setting_reruns_what_depends_on_it(built: Project, section: str) -> None:
    pattern, replacement, expected = PARAM_EDITS[section]
    before = (built.root / "params.yaml").read_text()
    built.edit("params.yaml", pattern, replacement)
    target = section if section in ("train", "evaluate") else "dataset"
    ran, _ = built.repro("evaluate" if target != "dataset" else "dataset")
    assert ran == expected
    (built.root / "params.yaml").write_text(before)
    # What has a table in Git is made again (DVC keeps no run-cache of it); the rest comes back.
    assert set(built.repro()[0]) <= {"split", "dataset", "audit", "evaluate"}


@pytest.mark.parametrize("stage", STAGES)
def test_an_edited_stage_reruns_alone_while_its_results_stay(built: Project, stage: str) -> None:
    source = built.root / f"pipeline/stages/{stage}.py"
    source.write_text(source.read_text() + "\n# an edit that changes no result\n")
    assert built.repro()[0] == [stage]


@pytest.mark.parametrize(
    "path",
    ["cli.py", "pipeline/commands/ingest.py", "pipeline/report/page.py", "pipeline/versions/git.py", "docs"],
)
def test_an_edit_of_commands_report_or_documentation_reruns_nothing(built: Project, path: str) -> None:
    target = built.root / path
    if path == "docs":
        target.mkdir()
        target /= "page.md"
    target.write_text((target.read_text() if target.exists() else "") + "\n# an edit\n")
    assert built.repro()[0] == []


def test_settings_of_a_recipe_or_detector_that_is_not_used_rerun_nothing(built: Project) -> None:
    before = (built.root / "params.yaml").read_text()
    params = yaml.safe_load(before)
    assert (params["train"]["recipe"], params["faces"]["detector"]) == ("lenet", "haar")
    params["train"]["bncnn"]["dropout"] = 0.5
    params["faces"].pop("whole_frame")
    (built.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    assert built.repro()[0] == []
    (built.root / "params.yaml").write_text(before)


def test_relabelling_decodes_and_detects_nothing(built: Project) -> None:
    clips = built.root / "raw/clips.csv"
    before = clips.read_text()
    line = next(line for line in before.splitlines() if ",happy," in line)
    clips.write_text(before.replace(line, line.replace(",happy,", ",surprised,")))
    ran, text = built.repro("dataset")
    assert ran == ["frames", "dedup", "dataset"]
    assert "frames: 0 clips computed, 12 unchanged" in text
    clips.write_text(before)
    built.repro()


def test_a_decision_reruns_the_dataset_and_what_follows_and_nothing_before(built: Project) -> None:
    name = f"{SUBJECTS[0]}_happy"
    census = (built.root / "data/census.csv").read_text()
    built.emo("relabel", name, "surprised", "--reason", "a test")
    assert built.repro("dataset")[0] == ["dataset"]
    assert (built.root / "data/census.csv").read_text() != census
    built.emo("relabel", name, "happy", "--reason", "a test, taken back")
    ran, _ = built.repro()
    assert ran[:2] == ["dataset", "audit"]
    assert (built.root / "data/census.csv").read_text() == census
    (built.root / "raw/decisions.csv").write_text(format_decisions([]))
    built.repro()


def test_a_new_clip_costs_one_clip(built: Project, tmp_path: Path) -> None:
    videos = recordings(tmp_path / "more", SUBJECTS[:1], ("neutral",))
    old = built.digests("data/faces")
    built.emo("ingest", str(videos), "--participants", str(COHORT / "participants.tsv"))
    _, text = built.repro("dataset")
    assert "frames: 1 clips computed, 12 unchanged" in text
    assert "faces: 1 clips computed, 12 unchanged" in text
    assert old.items() <= built.digests("data/faces").items()


def test_a_dataset_that_fails_its_audit_trains_nothing(built: Project) -> None:
    before = (built.root / "params.yaml").read_text()
    built.edit("params.yaml", r"expressions: \[.*\]", "expressions: [happy, neutral, surprised]")
    ran, text = built.repro(check=False)
    assert ran[-1] == "audit"
    assert "every class in every split" in text
    assert json.loads((built.root / "reports/audit.json").read_text())["ok"] is False
    (built.root / "params.yaml").write_text(before)
    built.repro()


def test_metrics_and_plots_are_shown_by_dvc(built: Project) -> None:
    assert "test.accuracy" in built.run("dvc", "metrics", "show")
    built.run("dvc", "plots", "show", "-o", "plots")
    assert "confusion" in (built.root / "plots/index.html").read_text()
    shutil.rmtree(built.root / "plots")


def test_the_number_of_workers_changes_no_byte(built: Project, tmp_path: Path) -> None:
    before = built.digests("data/frames", "data/faces")
    assert before
    for stage in ("frames", "faces"):
        cache = str(tmp_path / f"cache-{stage}")
        built.run(sys.executable, "-m", f"pipeline.stages.{stage}", EMO_CACHE=cache, EMO_WORKERS="1")
    assert built.digests("data/frames", "data/faces") == before


@pytest.mark.parametrize("stage", ["frames", "faces"])
def test_a_killed_run_keeps_what_it_finished(built: Project, tmp_path: Path, stage: str) -> None:
    before = built.digests(f"data/{stage}")
    cache = tmp_path / "cache"
    command = [sys.executable, "-m", f"pipeline.stages.{stage}"]
    environment = built.environment(EMO_CACHE=str(cache), EMO_WORKERS="1")
    victim = subprocess.Popen(command, cwd=built.root, env=environment, start_new_session=True)
    while len(finished := list(cache.glob(f"{stage}/[!.]*.parquet"))) < 3 and victim.poll() is None:
        time.sleep(0.005)
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    finished = list(cache.glob(f"{stage}/[!.]*.parquet"))
    assert 3 <= len(finished) < len(before)
    stamps = {path: path.stat().st_mtime_ns for path in finished}
    text = built.run(*command, EMO_CACHE=str(cache))
    assert f"{stage}: {len(before) - len(finished)} clips computed, {len(finished)} unchanged" in text
    assert {path: path.stat().st_mtime_ns for path in finished} == stamps
    assert built.digests(f"data/{stage}") == before


def test_an_empty_project_says_what_to_do(tmp_path: Path) -> None:
    project = new_project(tmp_path / "empty")
    text = project.run(sys.executable, "-m", "pipeline.stages.frames", check=False)
    assert text.startswith("error: raw/clips.csv: no clips yet; enrol recordings with `emo ingest VIDEOS`")
