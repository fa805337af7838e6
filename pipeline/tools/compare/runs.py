"""Trainings that were evaluated: of commits, experiments and the workspace, as Git and DVC keep them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import EmoError
from pipeline.core.paths import METRICS, PREDICTIONS
from pipeline.core.tables import parse_csv
from pipeline.history.git import Repository
from pipeline.history.objects import cache_folder, object_path
from pipeline.history.version import WORKSPACE, Version, short, versions_at, workspace
from pipeline.learning.metrics import subject_confusions
from pipeline.tools.report.results import Answer


@dataclass(frozen=True)
class Run:
    """A training with what its net reaches on the test subjects."""

    version: Version
    "the dataset, settings and code that it was made with"
    figures: Mapping[str, Any]
    "the content of reports/metrics.json"
    people: Mapping[str, np.ndarray]
    "test subject -> counts (k, k): the confusion matrix, or, where the predictions are not here, hits alone"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.version.name

    @property
    def mark(self) -> str:
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
    names = [name for name, found in repository.experiments().items() if found.base == head]
    return ["HEAD", *sorted(names), WORKSPACE]


def _versions(repository: Repository, revisions: Sequence[str]) -> list[Version]:
    experiments = repository.experiments()
    commits = {
        name: experiments[name].commit if name in experiments else repository.commit(name)
        for name in revisions
        if name != WORKSPACE
    }
    names = {commit: name if name in experiments else short(commit, name) for name, commit in commits.items()}
    found = versions_at(repository, list(dict.fromkeys(commits.values())), names)
    here = workspace(repository.root) if WORKSPACE in revisions else None
    return [here if here and name == WORKSPACE else found[commits[name]] for name in dict.fromkeys(revisions)]


def _run(repository: Repository, version: Version, *, named: bool) -> Run | None:
    text = _text(repository, version, METRICS)
    if text is None:
        if named:
            raise EmoError(f"{version.name}: no {METRICS} in it; run `dvc repro` and commit what it writes")
        return None
    try:
        figures = json.loads(text)
        return Run(version, figures, _people(repository, version, figures["test"]))
    except (ValueError, KeyError, TypeError) as error:
        raise EmoError(f"{version.name}: {METRICS}: not as emo writes it ({error})") from None


def _text(repository: Repository, version: Version, path: Path) -> str | None:
    """Return a file that Git keeps, of a commit or of the workspace."""
    if not version.commit:
        here = repository.root / path
        return here.read_text(encoding="utf-8") if here.is_file() else None
    data = repository.read([(version.commit, path)]).get((version.commit, path))
    return data.decode("utf-8", "replace") if data is not None else None


def _people(repository: Repository, version: Version, test: Mapping[str, Any]) -> dict[str, np.ndarray]:
    path = _predictions(repository, version)
    if path is None:
        rows = test["per_subject"].items()
        return {subject: _hits(row["accuracy"], row["images"]) for subject, row in rows}
    answers = parse_csv(path.read_text(encoding="utf-8"), Answer, key="image", where=str(path))
    place = {name: number for number, name in enumerate(test["per_class"])}
    actual, predicted = (
        np.array([place[getattr(row, side)] for row in answers]) for side in ("actual", "predicted")
    )
    return subject_confusions(actual, predicted, [row.subject for row in answers], len(place))


def _predictions(repository: Repository, version: Version) -> Path | None:
    """Return the table of predictions of a version; None where neither the workspace nor the cache has it."""
    md5 = version.out(PREDICTIONS)
    if not version.commit:
        path = repository.root / PREDICTIONS
    elif md5:
        path = object_path(cache_folder(repository.root), md5)
    else:
        return None
    return path if path.is_file() else None


def _hits(accuracy: float, images: int) -> np.ndarray:
    """Return counts (2, 2) of which accuracy tells the same: hits, and the rest."""
    hits = round(accuracy * images)
    return np.array([[hits, 0], [images - hits, 0]])
