"""Which trainings `emo compare` finds, and that their figures are of one training each."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.learning.comparison.compare import compare_runs
from pipeline.learning.comparison.runs import Run, commit_of, find_runs, read_figures
from pipeline.runtime.csv_files import format_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import METRICS, PREDICTIONS
from pipeline.schema.predictions import Answer
from pipeline.versions.git import Repository

PEOPLE = ("p1", "p2", "p3", "p4")


def git(*arguments: str) -> str:
    """Run git as somebody."""
    who = ("-c", "user.name=A Lab", "-c", "user.email=lab@example.org")
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def predictions(right: int) -> str:
    """Return a table of an image of each person, of which the first `right` are named right."""
    said = ["happy" if n < right else "sad" for n in range(len(PEOPLE))]
    rows = [Answer(f"{p}.png", p, p, 0.0, "happy", what, 0.9) for p, what in zip(PEOPLE, said, strict=True)]
    return format_csv(rows, Answer)


def figures(right: int) -> dict[str, Any]:
    """Return what of metrics.json belongs to these predictions."""
    people = {name: {"accuracy": float(n < right), "images": 1} for n, name in enumerate(PEOPLE)}
    test = {"accuracy": right / len(PEOPLE), "macro_f1": 0.5, "per_class": {"happy": {}, "sad": {}}}
    return {"test": {**test, "per_subject": people}}


def train(right: int) -> None:
    """Write what a training leaves: figures, predictions (in DVC's cache, too) and dvc.lock."""
    METRICS.parent.mkdir(exist_ok=True)
    METRICS.write_text(json.dumps(figures(right)))
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
    """Commit figures and dvc.lock; return the hash."""
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
    """Return the accuracy that a run tells, and that of its people."""
    assert run.people is not None
    hits = sum(int(matrix.trace()) for matrix in run.people.values())
    return run.test["accuracy"], hits / sum(int(matrix.sum()) for matrix in run.people.values())


def experiment(name: str, base: str) -> str:
    """Make an experiment of a commit as DVC keeps it; return its hash."""
    made = git("commit-tree", f"{base}^{{tree}}", "-p", base, "-m", f"{name} {base}")
    git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", made)
    return made


def test_of_experiments_of_one_name_that_of_head_is_meant(project: Repository) -> None:
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
    with pytest.raises(EmoError, match=rf"^slow: several .*{old[:7]} \(from {first[:7]}\).*the hash of one$"):
        commit_of(project, "slow")


def test_a_run_with_several_names_is_told_once(project: Repository) -> None:
    git("tag", "v1")
    git("branch", "q9")
    runs = find_runs(project, ("q9", "HEAD", "v1"))
    assert [run.name for run in runs] == [f"{git('rev-parse', '--short=7', 'HEAD')} (q9, HEAD, v1)"]


def test_the_workspace_does_not_mix_two_trainings(project: Repository) -> None:
    """Git brings metrics.json and dvc.lock of another commit; the predictions are still those of before."""
    train(3)
    commit("Second")
    git("checkout", "-q", "HEAD~1")
    run = find_runs(project, ("workspace",))[0]
    assert accuracies(run) == (0.5, 0.5)  # from the cache
    cached(hashlib.md5(predictions(2).encode()).hexdigest()).unlink()
    run = find_runs(project, ("workspace",))[0]
    assert accuracies(run) == (0.5, 0.5)  # from the figures by person


def test_predictions_of_another_training_or_broken_ones_are_left_alone(project: Repository) -> None:
    METRICS.write_text(json.dumps(figures(3)))  # of a training that dvc.lock does not know
    assert accuracies(find_runs(project, ("workspace",))[0]) == (0.75, 0.75)
    METRICS.write_text(json.dumps(figures(2)))
    PREDICTIONS.write_bytes(b"\xff")
    assert accuracies(find_runs(project, ("workspace",))[0]) == (0.5, 0.5)
    told = figures(2)
    told["test"]["accuracy"] = 0.9
    METRICS.write_text(json.dumps(told))
    with pytest.raises(EmoError, match=r"^workspace: reports/metrics\.json: test: accuracy: 0\.9, but"):
        find_runs(project, ("workspace",))


def test_where_subjects_are_images_only_predictions_tell_them(project: Repository) -> None:
    told = figures(2) | {"subjects": "none: each image counts as its own"}
    told["test"]["per_subject"] = {}
    METRICS.write_text(json.dumps(told))
    commit("Images")
    runs = compare_runs(find_runs(project, ("HEAD~1", "HEAD")))
    assert runs[1].difference
    assert runs[1].difference.people == 4
    cached(hashlib.md5(predictions(2).encode()).hexdigest()).unlink()
    runs = compare_runs(find_runs(project, ("HEAD~1", "HEAD")))
    assert runs[1].row()[5] == ""
    assert runs[1].difference
    assert runs[1].difference.verdict.startswith(f"not known: the predictions of {runs[1].run.name} are not")


def test_an_unreadable_commit_says_so(project: Repository) -> None:
    Path("dvc.lock").write_text("{")
    commit("Broken")
    with pytest.raises(EmoError, match=r"^\w{7} \(HEAD\): dvc\.lock: not valid YAML"):
        find_runs(project, ("HEAD", "HEAD~1"))


def test_faults_of_names_are_one_line(project: Repository) -> None:
    with pytest.raises(EmoError, match=r"^'no\\nsuch': no such revision here"):
        find_runs(project, ("no\nsuch",))
    with pytest.raises(EmoError, match=r"no Git repository here; `git init`"):
        find_runs(Repository(Path("/")), ())


@pytest.mark.parametrize(
    ("what", "value", "told"),
    [
        ("accuracy", None, "test: accuracy: None is not within 0..1"),
        ("accuracy", "0.5", "test: accuracy: '0.5' is not within"),
        ("macro_f1", float("nan"), "test: macro_f1: nan is not within"),
        ("per_subject", [], "not as emo writes it"),
        ("per_subject", {"p1": {"accuracy": 1.0, "images": 0}}, "per_subject: p1: images: 0 is no number"),
        ("per_class", None, "not as emo writes it"),
        ("calibration", {"ece": "x"}, "test: calibration: ece: 'x' is not within"),
    ],
)
def test_figures_that_cannot_be_used_are_told(what: str, value: object, told: str) -> None:
    bad = figures(2)
    bad["test"][what] = value
    with pytest.raises(EmoError) as caught:
        read_figures(json.dumps(bad).encode(), "v1")
    assert str(caught.value).startswith("v1: reports/metrics.json: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff", b"[" * 100_000, b"null", b'"x"', b"{}", b'{"test": 1}', b""])
def test_files_that_are_no_figures_are_told(data: bytes) -> None:
    with pytest.raises(EmoError, match=r"^v1: reports/metrics\.json: not as emo writes it \(.*evaluate`$"):
        read_figures(data, "v1")


def test_figures_without_a_calibration_are_compared(project: Repository) -> None:
    told = figures(2)
    told["test"]["calibration"] = None
    METRICS.write_text(json.dumps(told))
    assert compare_runs(find_runs(project, ("workspace",)))[0].row()[4] == ""
