"""Which trainings `emo compare` finds, and that the metrics of each belong to one training."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import cli
from pipeline.learning.comparison import compare, runs
from pipeline.learning.comparison.compare import compare_runs
from pipeline.learning.comparison.runs import Run, commit_of, find_runs, read_metrics
from pipeline.runtime.csv_files import format_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import METRICS, PREDICTIONS
from pipeline.schema.predictions import Prediction
from pipeline.versions.git import Repository
from tests.support.making import withdraw_in_table

pytestmark = pytest.mark.slow

SUBJECTS = ("p1", "p2", "p3", "p4")


def git(*arguments: str) -> str:
    """Run git with a name and an address."""
    who = ("-c", "user.name=A Lab", "-c", "user.email=lab@example.org")
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def predictions(right: int) -> str:
    """Return a table with one image per subject, of which the first `right` are predicted correctly."""
    rows = [
        Prediction(f"{name}.png", name, name, 0, 0.0, "happy", "happy" if n < right else "sad", 0.9)
        for n, name in enumerate(SUBJECTS)
    ]
    return format_csv(rows, Prediction)


def metrics(right: int) -> dict[str, Any]:
    """Return the part of metrics.json that matches these predictions."""
    per_subject = {name: {"accuracy": float(n < right), "images": 1} for n, name in enumerate(SUBJECTS)}
    test = {"accuracy": right / len(SUBJECTS), "macro_f1": 0.5, "per_class": {"happy": {}, "sad": {}}}
    return {"test": {**test, "per_subject": per_subject}}


def train(right: int) -> None:
    """Write the outputs of a training: metrics, predictions (in DVC's cache, too) and dvc.lock."""
    METRICS.parent.mkdir(exist_ok=True)
    METRICS.write_text(json.dumps(metrics(right)))
    text = predictions(right)
    PREDICTIONS.write_text(text)
    md5 = hashlib.md5(text.encode()).hexdigest()
    kept = cached(md5)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(text)
    outs = [{"path": str(PREDICTIONS), "md5": md5}]
    stages = {"evaluate": {"cmd": "-", "outs": outs, "params": {"params.yaml": {"evaluate": {"x": right}}}}}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def cached(md5: str) -> Path:
    """Return where DVC's cache has an object."""
    return Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]


def commit(message: str) -> str:
    """Commit metrics and dvc.lock; return the hash."""
    git("add", "dvc.lock", str(METRICS))
    git("commit", "-q", "--allow-empty", "-m", message)
    return git("rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A project under Git and DVC with one committed training."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    train(2)
    commit("First")
    return Repository(tmp_path)


def accuracies(run: Run) -> tuple[float, float]:
    """Return the accuracy of a run's metrics, and that of its subjects."""
    assert run.confusions is not None
    hits = sum(int(matrix.trace()) for matrix in run.confusions.values())
    return run.test["accuracy"], hits / sum(int(matrix.sum()) for matrix in run.confusions.values())


def experiment(name: str, base: str) -> str:
    """Make an experiment of a commit as DVC keeps it; return its hash."""
    made = git("commit-tree", f"{base}^{{tree}}", "-p", base, "-m", f"{name} {base}")
    git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", made)
    return made


def test_of_experiments_with_one_name_that_of_head_is_taken(project: Repository) -> None:
    first = git("rev-parse", "HEAD")
    old = experiment("slow", first)
    second = commit("Second")
    new = experiment("slow", second)
    assert commit_of(project, "slow") == new
    assert [run.version.commit for run in find_runs(project, ())] == [second, new]
    git("update-ref", "-d", f"refs/exps/{second[:2]}/{second[2:]}/slow")
    assert commit_of(project, "slow") == old
    experiment("slow", second)
    commit("Third")
    with pytest.raises(EmoError, match=rf"^slow: .*{old[:7]} \(from {first[:7]}\)"):
        commit_of(project, "slow")


def test_a_run_with_several_names_is_listed_once(project: Repository) -> None:
    git("tag", "v1")
    git("branch", "q9")
    runs = find_runs(project, ("q9", "HEAD", "v1"))
    assert [run.name for run in runs] == [f"{git('rev-parse', '--short=7', 'HEAD')} (q9, HEAD, v1)"]


def test_the_workspace_does_not_mix_two_trainings(project: Repository) -> None:
    """Git checks out metrics.json and dvc.lock of another commit; the predictions stay."""
    train(3)
    commit("Second")
    git("checkout", "-q", "HEAD~1")
    run = find_runs(project, ("workspace",))[0]
    assert accuracies(run) == (0.5, 0.5)  # from the cache
    cached(hashlib.md5(predictions(2).encode()).hexdigest()).unlink()
    run = find_runs(project, ("workspace",))[0]
    assert accuracies(run) == (0.5, 0.5)  # from the accuracy by subject


def test_predictions_of_another_training_or_damaged_ones_are_ignored(project: Repository) -> None:
    METRICS.write_text(json.dumps(metrics(3)))  # of a training that dvc.lock does not know
    assert accuracies(find_runs(project, ("workspace",))[0]) == (0.75, 0.75)
    METRICS.write_text(json.dumps(metrics(2)))
    PREDICTIONS.write_bytes(b"\xff")
    assert accuracies(find_runs(project, ("workspace",))[0]) == (0.5, 0.5)
    changed = metrics(2)
    changed["test"]["accuracy"] = 0.9
    METRICS.write_text(json.dumps(changed))
    with pytest.raises(EmoError, match=r"^workspace: reports/metrics\.json: test: accuracy: 0\.9"):
        find_runs(project, ("workspace",))


def test_if_subjects_are_images_only_predictions_name_them(project: Repository) -> None:
    changed = metrics(2) | {"subjects": "none: each image is treated as its own subject"}
    changed["test"]["per_subject"] = {}
    METRICS.write_text(json.dumps(changed))
    commit("Images")
    runs = compare_runs(find_runs(project, ("HEAD~1", "HEAD")))
    assert runs[1].difference
    assert runs[1].difference.subjects == 4
    cached(hashlib.md5(predictions(2).encode()).hexdigest()).unlink()
    runs = compare_runs(find_runs(project, ("HEAD~1", "HEAD")))
    assert runs[1].row()[5] == ""
    assert runs[1].difference
    assert runs[1].difference.verdict.startswith(f"unknown: the predictions of {runs[1].run.name} ")


def test_an_unreadable_commit_says_so(project: Repository) -> None:
    Path("dvc.lock").write_text("{")
    commit("Broken")
    with pytest.raises(EmoError, match=r"^\w{7} \(HEAD\): dvc\.lock: "):
        find_runs(project, ("HEAD", "HEAD~1"))


def test_unknown_names(project: Repository) -> None:
    with pytest.raises(EmoError, match=r"^'no\\nsuch': "):
        find_runs(project, ("no\nsuch",))
    with pytest.raises(EmoError, match=r"^/: .*Git repository"):
        find_runs(Repository(Path("/")), ())


@pytest.mark.parametrize(
    ("what", "value", "expected"),
    [
        ("accuracy", None, "test: accuracy: None"),
        ("accuracy", "0.5", "test: accuracy: '0.5'"),
        ("macro_f1", float("nan"), "test: macro_f1: nan"),
        ("per_subject", [], "dvc repro --force evaluate"),
        ("per_subject", {"p1": {"accuracy": 1.0, "images": 0}}, "per_subject: p1: images: 0"),
        ("per_class", None, "dvc repro --force evaluate"),
        ("calibration", {"ece": "x"}, "test: calibration: ece: 'x'"),
    ],
)
def test_metrics_of_another_type_or_range_are_refused(what: str, value: object, expected: str) -> None:
    bad = metrics(2)
    bad["test"][what] = value
    with pytest.raises(EmoError) as caught:
        read_metrics(json.dumps(bad).encode(), "v1")
    assert str(caught.value).startswith("v1: reports/metrics.json: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff", b"[" * 100_000, b"null", b'"x"', b"{}", b'{"test": 1}', b""])
def test_files_that_are_no_metrics_are_refused(data: bytes) -> None:
    with pytest.raises(EmoError, match=r"^v1: reports/metrics\.json: .*evaluate`$"):
        read_metrics(data, "v1")


def test_metrics_without_a_calibration_are_compared(project: Repository) -> None:
    changed = metrics(2)
    changed["test"]["calibration"] = None
    METRICS.write_text(json.dumps(changed))
    assert compare_runs(find_runs(project, ("workspace",)))[0].row()[4] == ""


def test_a_withdrawal_while_it_runs_leaves_no_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")
    monkeypatch.setattr(runs, "find_runs", lambda *_: withdraw_in_table("p3") or ["run"])
    monkeypatch.setattr(compare, "compare_runs", lambda found: found)
    done = CliRunner().invoke(cli.app, ["compare"])
    assert done.exit_code == 1
    assert done.output == "error: p3 withdrew while `emo compare` ran; nothing was kept; run it again\n"
