"""Trainings that were evaluated: of commits, experiments and the workspace, as Git and DVC keep them."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.learning.evaluation.metrics import subject_confusions
from pipeline.runtime.csv_files import parse_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import METRICS, PREDICTIONS
from pipeline.schema.predictions import Prediction
from pipeline.versions.dvc_cache import cache_folder, object_path
from pipeline.versions.git import Repository
from pipeline.versions.version import WORKSPACE, Version, check_repository, short, versions_at, workspace

_ROUNDED = 1e-6
"""How far a figure of metrics.json, which has six digits, may lie from what it was counted from."""


@dataclass(frozen=True)
class Run:
    """A training with what its net reaches on the test subjects."""

    version: Version
    "the dataset, settings and code that it was made with"
    figures: Mapping[str, Any]
    "the content of reports/metrics.json"
    people: Mapping[str, np.ndarray] | None
    """test subject -> counts (k, k): the confusion matrix; where the predictions are not here, hits alone.

    None where nothing tells them: subjects are images, and the predictions are not here."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.version.name

    @property
    def caveat(self) -> str:
        """What stands beside its figures where subjects are no people; empty where all are."""
        return str(self.figures.get("subjects", ""))

    @property
    def test(self) -> Mapping[str, Any]:
        """The figures of the test subjects."""
        return self.figures["test"]


def find_runs(repository: Repository, revisions: Sequence[str]) -> list[Run]:
    """Return the runs that are named: commits, branches, tags, experiments, or `workspace`.

    Without names: HEAD, the experiments that started from it, and the workspace where its figures are
    others. Raises EmoError for an unknown name, and where a named run was not evaluated.
    """
    check_repository(repository)
    versions = _versions(repository, revisions or _usual(repository))
    runs = [_run(repository, version, named=bool(revisions)) for version in versions]
    found = [run for run in runs if run]
    if not revisions and len(found) > 1 and found[-1].figures == found[0].figures:
        found.pop()  # the workspace is as committed
    if not found:
        raise EmoError(f"{METRICS}: not in HEAD, no experiment and not here; run `dvc repro`")
    return found


def _usual(repository: Repository) -> list[str]:
    if not repository.has_commits:
        return [WORKSPACE]
    head = repository.commit("HEAD")
    names = [found.name for found in repository.experiments() if found.base == head]
    return ["HEAD", *sorted(names), WORKSPACE]


def _versions(repository: Repository, revisions: Sequence[str]) -> list[Version]:
    """Return the versions in the order of their first names; one that has several is there once."""
    asked: dict[str, list[str]] = {}
    for name in dict.fromkeys(revisions):
        asked.setdefault("" if name == WORKSPACE else commit_of(repository, name), []).append(name)
    experiments = {found.commit: found.name for found in repository.experiments()}
    names = {
        commit: experiments[commit] if experiments.get(commit) in said else short(commit, *said)
        for commit, said in asked.items()
    }
    found = versions_at(repository, [commit for commit in asked if commit], names)
    return [found[commit] if commit else workspace(repository.root) for commit in asked]


def commit_of(repository: Repository, name: str) -> str:
    """Return the full hash of a revision, or of an experiment: of several with this name, that of HEAD.

    Raises EmoError for an unknown one, and where it could be several experiments.
    """
    same = [found for found in repository.experiments() if found.name == name]
    if not same:
        return repository.commit(name)
    head = repository.commit("HEAD")
    meant = [found for found in same if found.base == head] or same
    if len(meant) > 1:
        told = ", ".join(f"{found.commit[:7]} (from {found.base[:7]})" for found in meant)
        raise EmoError(f"{name}: several experiments have this name: {told}; give the hash of one")
    return meant[0].commit


def _run(repository: Repository, version: Version, *, named: bool) -> Run | None:
    if version.error:
        raise EmoError(f"{version.name}: {version.error}")
    data = _data(repository, version, METRICS)
    if data is None:
        if named:
            raise EmoError(f"{version.name}: no {METRICS} in it; run `dvc repro` and commit what it writes")
        return None
    figures = read_figures(data, version.name)
    return Run(version, figures, _people(repository, version, figures))


def read_figures(data: bytes, name: str) -> dict[str, Any]:
    """Return the content of a metrics.json; raise EmoError where it is not as the stage evaluate writes it.

    What is checked is what a comparison uses; `name` is that of the run.
    """
    try:
        figures = json.loads(data.decode("utf-8"))
        _check_figures(figures["test"])
        return dict(figures)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise EmoError(
            f"{name}: {METRICS}: not as emo writes it ({told}); run `dvc repro --force evaluate`"
        ) from None


def _check_figures(test: Mapping[str, Any]) -> None:
    shares = {name: test[name] for name in ("accuracy", "macro_f1")}
    calibration = test.get("calibration") or {}
    if calibration.get("ece") is not None:
        shares["calibration: ece"] = calibration["ece"]
    for subject, row in test["per_subject"].items():
        shares[f"per_subject: {subject}: accuracy"] = row["accuracy"]
        if not (_is_number(row["images"]) and row["images"] >= 1):
            raise ValueError(
                f"test: per_subject: {subject}: images: {row['images']!r} is no number of images"
            )
    for name, value in shares.items():
        if not (_is_number(value) and 0 <= value <= 1):
            raise ValueError(f"test: {name}: {value!r} is not within 0..1")
    list(test["per_class"].items())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _data(repository: Repository, version: Version, path: Path) -> bytes | None:
    """Return a file that Git keeps, of a commit or of the workspace."""
    if version.commit:
        return repository.read([(version.commit, path)]).get((version.commit, path))
    here = repository.root / path
    return here.read_bytes() if here.is_file() else None


def _people(
    repository: Repository, version: Version, figures: Mapping[str, Any]
) -> dict[str, np.ndarray] | None:
    """Return the counts of each test subject, from the predictions, else from the figures by person.

    Predictions that do not add up to the accuracy are of another training and are left alone. Raises EmoError
    where the figures by person do not either.
    """
    test = figures["test"]
    table = _predictions(repository, version)
    people = _counted(table, list(test["per_class"]), f"{version.name}: {PREDICTIONS}") if table else None
    if people and _adds_up(people, test):
        return people
    if figures.get("subjects"):  # those of one image each are not told one by one
        return None
    people = {name: _hits(row["accuracy"], row["images"]) for name, row in test["per_subject"].items()}
    if not (people and _adds_up(people, test)):
        raise EmoError(
            f"{version.name}: {METRICS}: test: accuracy: {test['accuracy']}, but per_subject adds up to "
            "something else; run `dvc repro --force evaluate`"
        )
    return people


def _adds_up(people: Mapping[str, np.ndarray], test: Mapping[str, Any]) -> bool:
    """Tell whether the counts of all subjects together have the test's accuracy."""
    hits, images = (sum(int(count(m)) for m in people.values()) for count in (np.trace, np.sum))
    return bool(abs(hits / images - test["accuracy"]) <= _ROUNDED)


def _counted(table: bytes, classes: Sequence[str], where: str) -> dict[str, np.ndarray] | None:
    """Return the counts of each subject of a table of predictions; None where it knows other classes."""
    answers = parse_csv(table.decode("utf-8"), Prediction, key="image", where=where)
    place = {name: number for number, name in enumerate(classes)}
    if not answers or not all({row.actual, row.predicted} <= place.keys() for row in answers):
        return None
    actual, predicted = (
        np.array([place[getattr(row, side)] for row in answers]) for side in ("actual", "predicted")
    )
    return subject_confusions(actual, predicted, [row.subject for row in answers], len(place))


def _predictions(repository: Repository, version: Version) -> bytes | None:
    """Return the table of predictions that dvc.lock names; None where it is nowhere here, or not whole."""
    md5 = version.out(PREDICTIONS)
    if not md5:
        return None
    for path in _places(repository, version, md5):
        if path.is_file():
            data = path.read_bytes()
            if hashlib.md5(data, usedforsecurity=False).hexdigest() == md5:
                return data
    return None


def _places(repository: Repository, version: Version, md5: str) -> Iterator[Path]:
    if not version.commit:
        yield repository.root / PREDICTIONS
    yield object_path(cache_folder(repository.root), md5)


def _hits(accuracy: float, images: int) -> np.ndarray:
    """Return counts (2, 2) of which accuracy tells the same: hits, and the rest."""
    hits = round(accuracy * images)
    return np.array([[hits, 0], [images - hits, 0]])
