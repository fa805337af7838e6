"""Protocols in a small project: what runs, what is cached, and that nothing leaky is ever written."""

import csv
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import cli
from pipeline.learning.evaluation.metrics import accuracy
from pipeline.learning.evaluation.params import EvaluateParams
from pipeline.learning.model.image_set import read_images
from pipeline.learning.protocols import run
from pipeline.learning.protocols.folds import fold_key, read_counts, with_epochs
from pipeline.learning.protocols.image_pool import ImagePool
from pipeline.learning.protocols.material import read_material
from pipeline.learning.protocols.partitions import frame_random
from pipeline.learning.protocols.plan import ProtocolsRequest, plan
from pipeline.learning.protocols.results import ProtocolResults, confusions_by_subject, results_of
from pipeline.learning.protocols.run import about, run_protocols
from pipeline.learning.protocols.write import check_target, write_results
from pipeline.report.protocols import protocols_of
from pipeline.runtime.code import import_closure, imported_names
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import AUDIT, DATASET, FOLDS, PARAMS, SPLIT
from pipeline.runtime.paths import PROTOCOLS as REPORT
from pipeline.schema.split import SPLITS
from pipeline.withdrawal.find.files import in_workspace
from pipeline.withdrawal.subject import Subject
from tests.support.making import withdraw_in_table
from tests.support.training_project import PARAMS_YAML, files, write_audit, write_project
from tests.support.trainings import PARAMS as RECIPE

TOP = Path(__file__).resolve().parents[2]
FOUR = (FRAME_RANDOM, SUBJECT_WISE, K_FOLD, LEAVE_ONE_OUT) = (
    "frame-random",
    "subject-wise",
    "k-fold",
    "leave-one-subject-out",
)
ALL_FOUR = ProtocolsRequest(FOUR, seeds=2, epochs=2)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of eight subjects in which four protocols were run."""
    folder = tmp_path_factory.mktemp("protocols")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("EMO_WORKERS", "1")
        write_project()
        Path("dvc.yaml").write_text("stages: {}\n")
        write_results(run_protocols(ALL_FOUR))
    return folder


@pytest.fixture
def found(project: Path, monkeypatch: pytest.MonkeyPatch) -> ProtocolResults:
    """The results, read from the cached folds."""
    monkeypatch.chdir(project)
    return run_protocols(ALL_FOUR)


def test_each_protocol_trains_and_tests_as_it_says(found: ProtocolResults) -> None:
    results = {protocol.name: protocol for protocol in found.protocols}
    assert tuple(results) == FOUR
    assert [protocol.trainings for protocol in found.protocols] == [2, 2, 2 * 4, 2 * 8]
    assert list(results[SUBJECT_WISE].subjects) == ["p07", "p08"]
    assert len(results[K_FOLD].subjects) == len(results[LEAVE_ONE_OUT].subjects) == 8
    images = {
        name: sum(
            int(matrix.sum())
            for matrix in confusions_by_subject(f for f in found.folds if f.protocol == name).values()
        )
        for name in FOUR
    }
    assert images == {FRAME_RANDOM: 2 * 6 * 3, SUBJECT_WISE: 2 * 18, K_FOLD: 2 * 72, LEAVE_ONE_OUT: 2 * 72}


def test_the_metrics_are_those_of_the_folds(found: ProtocolResults) -> None:
    folds = [fold for fold in found.folds if fold.protocol == K_FOLD]
    by_seed = [[f.counts.sides["test"].matrix for f in folds if f.seed == seed] for seed in (0, 1)]
    accuracies = [float(accuracy(np.sum(matrices, axis=0))) for matrices in by_seed]
    protocol = found.protocols[2]
    assert list(protocol.seeds.values()) == pytest.approx(accuracies, abs=1e-6)
    assert protocol.sides["test"].accuracy == pytest.approx(sum(accuracies) / 2, abs=1e-6)
    leaky = found.protocols[0].sides["test"].accuracy
    assert protocol.inflation == pytest.approx(leaky - protocol.sides["test"].accuracy, abs=1e-6)
    assert protocol.inflation_interval
    assert protocol.inflation_interval.low <= protocol.inflation <= protocol.inflation_interval.high
    assert found.protocols[1].inflation_interval is None  # only two subjects were tested


def test_the_files(project: Path, found: ProtocolResults) -> None:
    figures = json.loads((project / "reports/protocols.json").read_text())
    assert figures == json.loads(json.dumps(found.as_json()))
    assert figures["about"]["params"]["lenet"]["fit"]["epochs"] == 2
    shown = protocols_of(figures)  # by emo report
    assert [row.test for row in shown.rows] == [p.sides["test"].accuracy for p in found.protocols]
    assert [row.inflation for row in shown.rows] == [p.inflation for p in found.protocols]
    assert (shown.recipe, shown.seeds, shown.leaks) == ("lenet", 2, True)
    for result in figures["protocols"].values():
        hits, images = (int(f(result["confusion"])) for f in (np.trace, np.sum))
        assert hits / images == pytest.approx(sum(result["by_seed"].values()) / 2, abs=1e-5)
    rows = list(csv.DictReader((project / "reports/protocols.csv").open()))
    assert len(rows) == 2 + 2 + 8 + 16
    assert {row["fold"] for row in rows if row["protocol"] == LEAVE_ONE_OUT} == {
        f"p0{n}" for n in range(1, 9)
    }
    assert (project / "reports/protocols.png").read_bytes().startswith(b"\x89PNG")


def test_the_number_of_workers_changes_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMO_WORKERS", "2")
    write_project()
    few = ProtocolsRequest((FRAME_RANDOM, SUBJECT_WISE), seeds=2, epochs=2)
    run_protocols(few)
    made = files(FOLDS)
    monkeypatch.chdir(project)
    assert len(made) == 4
    assert made.items() <= files(FOLDS).items()


def is_running(group: int) -> bool:
    """Return whether any process of a group is alive."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_run_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project()
    Path("dvc.yaml").write_text("stages: {}\n")
    command = [sys.executable, str(TOP / "cli.py"), "protocols", "--protocol", LEAVE_ONE_OUT]
    command += ["--seeds", "1", "--epochs", "12"]
    environment = {**os.environ, "PYTHONPATH": str(TOP), "EMO_WORKERS": "2"}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while len(list(FOLDS.glob("*.json"))) < 2 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while is_running(process.pid) and time.monotonic() < deadline:  # the workers end, too
        time.sleep(0.05)
    before = {path: path.stat().st_mtime_ns for path in FOLDS.glob("*.json")}
    assert 2 <= len(before) < 8
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"protocols: 8 trainings, {len(before)} of them finished before" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(FOLDS.glob("*.json"))) == 8


def test_nothing_but_results_is_written(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project()
    shown = {**files(DATASET), str(SPLIT): SPLIT.read_bytes()}
    monkeypatch.chdir(project)
    assert {**files(DATASET), str(SPLIT): SPLIT.read_bytes()} == shown
    names = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    known = {*shown, "params.yaml", "dvc.yaml", "reports/audit.json"}
    made = {name for name in names - known if not name.startswith(".emo/protocols/")}
    assert made == {f"reports/protocols.{kind}" for kind in ("json", "csv", "png")}
    for path in (project / FOLDS).iterdir():
        assert set(json.loads(path.read_text())) == {"epochs", "best_epoch", "sides"}


def test_a_withdrawal_while_it_runs_leaves_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folds, which count the images of each subject, nor older results of the command."""
    monkeypatch.chdir(tmp_path)
    write_project()
    Path("dvc.yaml").write_text("stages: {}\n")

    def withdrawing(*arguments: Any) -> ProtocolResults:
        assert len(files(FOLDS)) == 1
        withdraw_in_table("p07")
        return results_of(*arguments)

    monkeypatch.setattr(run, "results_of", withdrawing)
    command = ["protocols", "--protocol", SUBJECT_WISE, "--seeds", "1", "--epochs", "1"]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 1
    assert "error: p07 withdrew while `emo protocols` ran; nothing was kept; run it again" in done.output
    assert not files(FOLDS)
    assert not REPORT.exists()


def test_a_withdrawal_erases_the_results_of_the_subject(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    held = {item.path for item in in_workspace(Subject("p07"), set())}
    assert {*FOLDS.glob("*.json"), REPORT, REPORT.with_suffix(".csv"), REPORT.with_suffix(".png")} <= held
    assert not {item.path for item in in_workspace(Subject("p0"), set())} & set(FOLDS.iterdir())
    damaged = FOLDS / "damaged.json"
    damaged.write_bytes(b'\xff "p07"')
    assert damaged in {item.path for item in in_workspace(Subject("p07"), set())}
    damaged.unlink()


def test_the_leaky_split_cannot_become_a_dataset_or_a_model() -> None:
    """No stage imports it, and what imports it cannot write images or models."""
    for stage in ("split", "dataset", "audit", "train", "evaluate"):
        closure = import_closure(f"pipeline.stages.{stage}")
        assert not {"pipeline.learning.protocols.partitions", "pipeline.learning.protocols.folds"} & set(
            closure
        )
    writers = {"pipeline.learning.model.checkpoint", "pipeline.stages.dataset", "pipeline.stages.train"}
    assert not writers & set(import_closure("pipeline.learning.protocols.folds"))
    for path in (TOP / "pipeline/learning/protocols").glob("*.py"):
        assert not writers & set(imported_names(path))
        assert not any(word in path.read_text() for word in ("write_parquet", "parquet_sink", "save_model"))


def test_the_key_covers_all_that_results_depend_on(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    pool = ImagePool.of({split: read_images(split) for split in SPLITS})
    one, other = (frame_random(pool.labels.numpy(), (0.2, 0.2), seed) for seed in (0, 1))
    key = fold_key(pool.digest(), one, RECIPE)
    renamed = dataclasses.replace(one, fold="another name")
    assert fold_key(pool.digest(), renamed, RECIPE) == key
    smoothed = dataclasses.replace(RECIPE, label_smoothing=0.3)
    changed = dataclasses.replace(pool, labels=pool.labels.roll(1))
    others = [
        fold_key(pool.digest(), other, RECIPE),
        fold_key(pool.digest(), one, dataclasses.replace(RECIPE, seed=1)),
        fold_key(changed.digest(), one, RECIPE),
        fold_key(pool.digest(), one, smoothed),
        fold_key(pool.digest(), one, with_epochs(RECIPE, 77)),
    ]
    assert len({key, *others}) == 6


def test_a_damaged_result_is_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMO_WORKERS", "1")
    write_project()
    few = ProtocolsRequest((SUBJECT_WISE,), seeds=1, epochs=1)
    run_protocols(few)
    made = files(FOLDS)
    next(FOLDS.iterdir()).write_text("{")
    run_protocols(few)
    assert files(FOLDS) == made


def damaged(good: str) -> dict[str, str]:
    """Return damaged versions of a result: other shapes, types, classes and subjects."""
    plain = json.loads(good)
    found = {"null": "null", "text": '"x"', "empty": "{}", "list": '["epochs"]', "deep": "[" * 100_000}

    def with_side(change: object) -> str:
        return json.dumps({**plain, "sides": {**plain["sides"], "test": change}})

    test = plain["sides"]["test"]
    found["sides"] = json.dumps({**plain, "sides": [1]})
    found["a missing side"] = json.dumps({**plain, "sides": {"train": plain["sides"]["train"]}})
    found["epochs"] = json.dumps({**plain, "epochs": "2"})
    found["loss"] = with_side({**test, "loss": None})
    found["no subjects"] = with_side({**test, "confusions": {}})
    found["no matrix"] = with_side({**test, "confusions": dict.fromkeys(test["confusions"], "x")})
    found["two classes"] = with_side(
        {**test, "confusions": {name: [[9, 0], [0, 9]] for name in test["confusions"]}}
    )
    found["other subjects"] = with_side({**test, "confusions": plain["sides"]["train"]["confusions"]})
    return found


def test_a_fold_with_a_damaged_result_is_unfinished(found: ProtocolResults, tmp_path: Path) -> None:
    assert found
    material = read_material(ALL_FOUR.seeds, ALL_FOUR.epochs)
    task = next(training.task for training in plan(ALL_FOUR, material) if training.protocol == SUBJECT_WISE)
    good = task.path.read_text()
    other = dataclasses.replace(task, path=tmp_path / "fold.json")
    assert read_counts(other) is None
    other.path.write_text(good)
    assert read_counts(other) == read_counts(task) is not None
    for name, content in damaged(good).items():
        other.path.write_text(content)
        assert read_counts(other) is None, name
    assert read_counts(dataclasses.replace(task, path=tmp_path)) is None
    assert read_counts(dataclasses.replace(task, path=task.path / "x.json")) is None


def test_a_blocked_cache_is_reported_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project()
    few = ProtocolsRequest((SUBJECT_WISE,), seeds=1, epochs=1)
    FOLDS.parent.mkdir()
    FOLDS.touch()
    with pytest.raises(EmoError, match=r"^\.emo/protocols: .*File exists"):
        run_protocols(few)
    FOLDS.unlink()
    path = plan(few, read_material(few.seeds, few.epochs))[0].task.path
    path.mkdir(parents=True)
    with pytest.raises(EmoError, match=r"^\.emo/protocols/\w{64}\.json: "):
        run_protocols(few)


def test_errors_name_the_option_file_and_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmoError, match=r"^--protocol: 'random' .*frame-random"):
        ProtocolsRequest(("random",))
    monkeypatch.chdir(tmp_path)
    write_project()
    SPLIT.write_text(SPLIT.read_text().replace("p01,F,train", "p01,F,test"))
    with pytest.raises(EmoError, match=r"^data/dataset/train: p01 .*data/split\.csv"):
        read_material(3)
    write_project()
    wild = PARAMS_YAML.replace("learning_rate: 0.003", "learning_rate: 10.0")
    PARAMS.write_text(wild.replace("weight_decay: 0.01", "weight_decay: 10.0"))
    monkeypatch.setenv("EMO_WORKERS", "1")
    with pytest.raises(EmoError, match=r"^frame-random, seed 0, fold all: .*learning_rate: 10\.0"):
        run_protocols(ProtocolsRequest((FRAME_RANDOM,), seeds=1, epochs=200))


def test_numbers_out_of_range_are_reported_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project()
    with pytest.raises(EmoError, match=r"^--seeds: 2000 "):
        ProtocolsRequest(seeds=2000)
    with pytest.raises(EmoError, match=r"^--epochs: 2000000 "):
        run_protocols(ProtocolsRequest(epochs=2_000_000))
    PARAMS.write_text(PARAMS_YAML.replace("  seed: 0\n  cpu", "  seed: 2147483647\n  cpu"))
    with pytest.raises(EmoError, match=r"^params\.yaml: train: seed: 2147483648 .*--seeds 2"):
        run_protocols(ProtocolsRequest(seeds=2))
    PARAMS.write_text(PARAMS_YAML.replace("resamples: 200", "resamples: 1"))
    with pytest.raises(EmoError, match=r"^params\.yaml: evaluate: resamples: 1 "):
        run_protocols(ProtocolsRequest())
    write_project()
    write_audit(ok=False)
    with pytest.raises(EmoError, match=r"^reports/audit\.json: .*subjects_disjoint"):
        run_protocols(ProtocolsRequest())
    assert not FOLDS.exists()


def test_an_error_of_several_folds_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project()
    monkeypatch.setenv("EMO_WORKERS", "1")
    PARAMS.write_text(PARAMS_YAML.replace("input_px: 32", "input_px: 4000", 1))
    with pytest.raises(EmoError) as caught:
        run_protocols(ProtocolsRequest((K_FOLD,), seeds=1))
    assert str(caught.value).startswith("k-fold, seed 0, fold 0 and 3 more: data/dataset: images of 64x64")
    assert "\n" not in str(caught.value)


def test_the_settings_are_those_with_which_the_dataset_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those that were edited since, nor those with which an earlier stage ran since."""
    monkeypatch.chdir(tmp_path)
    write_project()
    request = ProtocolsRequest((FRAME_RANDOM,), seeds=1, epochs=1)
    material = read_material(1, 1)
    assert (material.shares, material.collapsed) == (
        (0.25, 0.25),
        None,
    )  # from params.yaml: there is no dvc.lock
    split = {"seed": 4, "validation": 0.3, "test": 0.1, "folds": 4}
    stages = {
        "dedup": {"params": {"params.yaml": {"dedup": {"collapse": True}}}},
        "dataset": {"params": {"params.yaml": {"dedup": {"collapse": False}, "split": split}}},
    }
    Path("dvc.lock").write_text(json.dumps({"stages": stages}))
    material = read_material(1, 1)
    assert (material.shares, material.collapsed) == ((0.3, 0.1), False)
    assert "near-duplicates kept" in about(request, material).title
    Path("dvc.lock").write_text("{")
    with pytest.raises(EmoError, match=r"^dvc\.lock: "):
        read_material(1, 1)


@pytest.mark.usefixtures("found")
def test_a_side_without_images_is_reported_before_training() -> None:
    material = dataclasses.replace(read_material(2, 2), shares=(0.01, 0.2))
    with pytest.raises(EmoError, match=r"^data/dataset: .*frame-random: .*validation"):
        plan(ALL_FOUR, material)


def test_one_seed_has_no_spread_and_images_no_inflation(found: ProtocolResults) -> None:
    few = dataclasses.replace(found.about, seeds=(0,))
    folds = [fold for fold in found.folds if fold.seed == 0]
    params = EvaluateParams(seed=0, resamples=100, mistakes=1, calibration_bins=10)
    results = results_of(few, folds, params)
    assert [protocol.as_json()["over_seeds"]["deviation"] for protocol in results.protocols] == [None] * 4
    assert {row[5] for row in results.table()[2]} == {""}
    assert results.protocols[1].interval is None  # two subjects
    assert results.protocols[2].interval
    assert results.protocols[2].inflation is not None
    with_caveat = results_of(
        dataclasses.replace(few, caveat="none: each image is treated as its own subject"), folds, params
    )
    assert [protocol.inflation for protocol in with_caveat.protocols] == [None] * 4
    assert {row[-1] for row in with_caveat.table()[2]} == {""}


def test_which_targets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stage = (
        "{cmd: x, outs: [reports/confusion.csv, reports/new.png: {cache: false}], metrics: [reports/m.json]}"
    )
    Path("dvc.yaml").write_text(f"stages: {{one: {stage}}}\n")
    for name in ("kept.json", "table.csv"):
        Path(name).write_text("{}")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "kept.json", "table.csv"], check=True)
    Path("mine.csv").write_text("a\n")
    Path("folder.png").mkdir()
    refused = {
        ".": "is a folder",
        "kept.v2": "end it with .json",
        "raw/clips.csv": "end it with .json",
        ".json": "end it with .json",
        "raw/clips.json": "inside raw",
        "data/split.json": "inside data",
        "reports/confusion.json": "confusion.csv: inside reports/confusion.csv",
        "reports/new.json": "new.png: inside",
        "reports/m.json": "inside reports/m.json",
        "kept.json": "tracked by Git",
        "table.json": "table.csv: tracked by Git",
        "mine.json": "mine.csv: exists, and",
        "folder.json": "folder.png: is a folder",
        "mine.csv/x.json": "cannot be written",
        f"{'x' * 300}.json": "cannot be written",
    }
    for name, expected in refused.items():
        with pytest.raises(EmoError, match=re.escape(expected)):
            check_target(Path(name))
    check_target(REPORT)
    check_target(Path("new/figures.json"))
    Path("new/figures.json").write_text('{"about": {}, "protocols": {}}')
    check_target(Path("new/figures.json"))


def test_a_refused_target_is_reported_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project()
    Path("dvc.yaml").write_text("stages: {}\n")
    before = AUDIT.read_bytes()
    done = emo("protocols", "--out", str(AUDIT.with_suffix(".png")))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "end it with .json" in done.stderr
    assert AUDIT.read_bytes() == before
    assert not FOLDS.exists()


def emo(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run emo in the current folder."""
    environment = {**os.environ, "PYTHONPATH": str(TOP), "EMO_WORKERS": "1"}
    command = [sys.executable, str(TOP / "cli.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
