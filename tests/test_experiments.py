"""Experiments of a real project under Git and DVC: in place, in a copy and from the queue; then compared."""

import re
import time

import pytest

from tests.support.projects import SUBJECTS, Project, built_project

pytestmark = pytest.mark.slow

CLASSES = ("happy", "surprised")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A committed project of six subjects with two experiments: one in a copy, one from the queue."""
    made = built_project(tmp_path_factory, tmp_path_factory.mktemp("experiments") / "project")
    made.commit("Enrol six subjects", "v1")
    run = ("dvc", "exp", "run", "--quiet", "--name")
    made.run(*run, "margin", "--temp", "-S", "faces.crop.margin=0.1", EMO_CACHE="")
    made.run(*run, "slow", "--queue", "-S", "train.lenet.fit.learning_rate=0.0001")
    made.run("dvc", "queue", "start", EMO_CACHE="")
    deadline = time.monotonic() + 300
    while "/slow" not in made.run("git", "for-each-ref", "refs/exps") and time.monotonic() < deadline:
        time.sleep(0.5)
    return made


def test_experiments_are_compared_with_the_commit_that_they_started_from(project: Project) -> None:
    runs = project.answer("compare")
    assert [run["name"] for run in runs][1:] == ["margin", "slow"]
    assert runs[1]["settings"] == {"faces.crop.margin": "0.1"}
    assert runs[2]["settings"] == {"train.lenet.fit.learning_rate": "0.0001"}
    assert [run["other_dataset"] for run in runs] == [False, True, False]
    assert [run["code"] for run in runs] == [[], [], []]
    assert runs[0]["difference"] is None
    assert re.search(r"too few subjects \(1; 6", runs[2]["difference"]["verdict"])


def test_an_experiment_in_a_copy_uses_and_fills_the_cache_of_the_project(project: Project) -> None:
    """The frames come from the cache; the faces, cropped anew, are added to it."""
    faces = list((project.cache / "faces").glob("*.parquet"))
    assert len(faces) == 2 * len(SUBJECTS) * len(CLASSES)
    assert not list((project.root / ".dvc/tmp").rglob(".emo"))


def test_named_runs_and_bad_names(project: Project) -> None:
    text = project.emo("compare", "v1", "workspace", "slow")
    assert "train.lenet.fit.learning_rate=0.0001" in text
    assert "(v1)" in text
    text = project.emo("compare", "no-such", check=False)
    assert text.startswith("error: no-such: ")


def test_without_the_dvc_cache_the_accuracy_by_subject_is_enough(project: Project) -> None:
    before = project.answer("compare", "v1", "slow")
    cache = project.root / ".dvc/cache"
    cache.rename(cache.with_name("away"))
    after = project.answer("compare", "v1", "slow")
    cache.with_name("away").rename(cache)
    assert after == before
