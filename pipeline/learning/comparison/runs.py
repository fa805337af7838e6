"""Evaluated trainings of commits, experiments and the workspace, read from Git and DVC's cache."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.learning.evaluation.metrics import subject_confusions
from pipeline.runtime.csv_files import parse_csv
from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.paths import METRICS, PREDICTIONS
from pipeline.schema.predictions import Prediction
from pipeline.versions.dvc_cache import cache_folder, object_path
from pipeline.versions.git import Repository
from pipeline.versions.version import WORKSPACE, Version, check_repository, short, versions_at, workspace

_ROUNDED = 1e-6
"""Largest rounding error of metrics.json, whose values have six digits."""


@dataclass(frozen=True)
class Run:
    """A training and its metrics on the test subjects."""

    version: Version
    "Dataset, settings and code of the training."
    metrics: Mapping[str, Any]
    "Content of reports/metrics.json."
    confusions: Mapping[str, np.ndarray] | None
    """Confusion matrix (k, k) by test subject; without the predictions, (2, 2) counts of the same accuracy.

    None if the test subjects are not known: some are images, and the predictions are not here."""

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.version.name

    @property
    def caveat(self) -> str:
        """Caveat of all metrics if some subjects are images; else empty."""
        return str(self.metrics.get("subjects", ""))

    @property
    def test(self) -> Mapping[str, Any]:
        """Metrics of the test subjects."""
        return self.metrics["test"]


def find_runs(repository: Repository, revisions: Sequence[str]) -> list[Run]:
    """Return evaluated trainings.

    Args:
        repository: The project's repository.
        revisions: Commits, branches, tags, experiments, or `workspace`. Without any: HEAD, the experiments
            that started from it, and the workspace if its metrics differ.

    Raises:
        UnknownRevisionError: A name is unknown.
        NotBuiltError: A named training was not evaluated, or none was.
    """
    check_repository(repository)
    versions = _versions(repository, revisions or _default_names(repository))
    runs = [_run(repository, version, named=bool(revisions)) for version in versions]
    found = [run for run in runs if run]
    if not revisions and len(found) > 1 and found[-1].metrics == found[0].metrics:
        found.pop()  # the workspace has the metrics of HEAD
    if not found:
        raise NotBuiltError(f"{METRICS}: not in HEAD, an experiment or the workspace; run `dvc repro`")
    return found


def _default_names(repository: Repository) -> list[str]:
    if not repository.has_commits:
        return [WORKSPACE]
    head = repository.commit("HEAD")
    names = [found.name for found in repository.experiments() if found.base == head]
    return ["HEAD", *sorted(names), WORKSPACE]


def _versions(repository: Repository, revisions: Sequence[str]) -> list[Version]:
    """Return the versions in the order of their first names; one with several names is listed once."""
    given: dict[str, list[str]] = {}
    for name in dict.fromkeys(revisions):
        given.setdefault("" if name == WORKSPACE else commit_of(repository, name), []).append(name)
    experiments = {found.commit: found.name for found in repository.experiments()}
    names = {
        commit: experiments[commit] if experiments.get(commit) in its_names else short(commit, *its_names)
        for commit, its_names in given.items()
    }
    found = versions_at(repository, [commit for commit in given if commit], names)
    return [found[commit] if commit else workspace(repository.root) for commit in given]


def commit_of(repository: Repository, name: str) -> str:
    """Return the full hash of a revision, or of an experiment: of several with this name, that of HEAD.

    Raises UnknownRevisionError for an unknown name, EmoError if several experiments could be meant.
    """
    same_name = [found for found in repository.experiments() if found.name == name]
    if not same_name:
        return repository.commit(name)
    head = repository.commit("HEAD")
    candidates = [found for found in same_name if found.base == head] or same_name
    if len(candidates) > 1:
        hashes = ", ".join(f"{found.commit[:7]} (from {found.base[:7]})" for found in candidates)
        raise EmoError(f"{name}: several experiments have this name: {hashes}; give the hash of one")
    return candidates[0].commit


def _run(repository: Repository, version: Version, *, named: bool) -> Run | None:
    if version.error:
        raise EmoError(f"{version.name}: {version.error}")
    data = _data(repository, version, METRICS)
    if data is None:
        if named:
            raise NotBuiltError(f"{version.name}: no {METRICS}; run `dvc repro` and commit its outputs")
        return None
    metrics = read_metrics(data, version.name)
    return Run(version, metrics, _confusions(repository, version, metrics))


def read_metrics(data: bytes, name: str) -> dict[str, Any]:
    """Return the content of a metrics.json, after checks of the values that a comparison uses.

    Args:
        data: The file.
        name: Name of the run, for messages.

    Raises:
        EmoError: The file is damaged, or another program wrote it.
    """
    try:
        metrics = parse_json(data)
        _check_test(metrics["test"])
        return dict(metrics)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise EmoError(
            f"{name}: {METRICS}: not the metrics of emo ({detail}); run `dvc repro --force evaluate`"
        ) from None


def _check_test(test: Mapping[str, Any]) -> None:
    """Raise an exception unless the metrics of the test have the expected types and ranges."""
    shares = {name: test[name] for name in ("accuracy", "macro_f1")}
    calibration = test.get("calibration") or {}
    if calibration.get("ece") is not None:
        shares["calibration: ece"] = calibration["ece"]
    for subject, row in test["per_subject"].items():
        shares[f"per_subject: {subject}: accuracy"] = row["accuracy"]
        if not (_is_number(row["images"]) and row["images"] >= 1):
            raise ValueError(
                f"test: per_subject: {subject}: images: {row['images']!r} is not a number of 1 or more"
            )
    for name, value in shares.items():
        if not (_is_number(value) and 0 <= value <= 1):
            raise ValueError(f"test: {name}: {value!r} is not within 0..1")
    list(test["per_class"].items())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _data(repository: Repository, version: Version, path: Path) -> bytes | None:
    """Return a file in Git, of a commit or of the workspace; None if it is missing."""
    if version.commit:
        return repository.read([(version.commit, path)]).get((version.commit, path))
    here = repository.root / path
    return here.read_bytes() if here.is_file() else None


def _confusions(
    repository: Repository, version: Version, metrics: Mapping[str, Any]
) -> dict[str, np.ndarray] | None:
    """Return the counts of each test subject, from the predictions, else from the accuracy by subject.

    Predictions with another accuracy belong to another training and are ignored. Raises EmoError if the
    accuracy by subject does not match either.
    """
    test = metrics["test"]
    table = _prediction_table(repository, version)
    counts = _counted(table, list(test["per_class"]), f"{version.name}: {PREDICTIONS}") if table else None
    if counts and _has_accuracy(counts, test["accuracy"]):
        return counts
    if metrics.get("subjects"):  # per_subject leaves out subjects that are images
        return None
    counts = {name: _hits(row["accuracy"], row["images"]) for name, row in test["per_subject"].items()}
    if not (counts and _has_accuracy(counts, test["accuracy"])):
        raise EmoError(
            f"{version.name}: {METRICS}: test: accuracy: {test['accuracy']} does not match per_subject; "
            "run `dvc repro --force evaluate`"
        )
    return counts


def _has_accuracy(counts: Mapping[str, np.ndarray], accuracy: float) -> bool:
    hits, images = (sum(int(measure(m)) for m in counts.values()) for measure in (np.trace, np.sum))
    return bool(abs(hits / images - accuracy) <= _ROUNDED)


def _counted(table: bytes, classes: Sequence[str], where: str) -> dict[str, np.ndarray] | None:
    """Return the confusion matrices of a table of predictions; None if it has other classes."""
    rows = parse_csv(table.decode("utf-8"), Prediction, key="image", where=where)
    label = {name: number for number, name in enumerate(classes)}
    if not rows or not all({row.actual, row.predicted} <= label.keys() for row in rows):
        return None
    actual, predicted = np.array([(label[row.actual], label[row.predicted]) for row in rows]).T
    return subject_confusions(actual, predicted, [row.subject for row in rows], len(label))


def _prediction_table(repository: Repository, version: Version) -> bytes | None:
    """Return the predictions that dvc.lock names; None if no intact copy is here."""
    md5 = version.out(PREDICTIONS)
    if not md5:
        return None
    for path in _paths(repository, version, md5):
        if path.is_file():
            data = path.read_bytes()
            if hashlib.md5(data, usedforsecurity=False).hexdigest() == md5:
                return data
    return None


def _paths(repository: Repository, version: Version, md5: str) -> Iterator[Path]:
    if not version.commit:
        yield repository.root / PREDICTIONS
    yield object_path(cache_folder(repository.root), md5)


def _hits(accuracy: float, images: int) -> np.ndarray:
    """Return (2, 2) counts with this accuracy: hits and misses."""
    hits = round(accuracy * images)
    return np.array([[hits, 0], [images - hits, 0]])
