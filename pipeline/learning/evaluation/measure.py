"""The content of reports/metrics.json: metrics of each split, and of the test by class, subject and sex."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.learning.evaluation import calibration, metrics
from pipeline.learning.evaluation.params import EvaluateParams
from pipeline.learning.model.image_set import ImageSet
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import SPLIT
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.split import TEST, SplitRow, split_caveat


def measure(
    splits: Mapping[str, ImageSet],
    probabilities: Mapping[str, np.ndarray],
    rows: Mapping[str, SplitRow],
    params: EvaluateParams,
) -> dict[str, Any]:
    """Return the content of reports/metrics.json.

    Args:
        splits: Images of train, validation and test.
        probabilities: (n, classes) float32 of the images of each split.
        rows: Rows of data/split.csv by subject.
        params: Resampling and bins.

    Raises:
        EmoError: data/split.csv has no row of a test subject.
    """
    figures = {split: split_metrics(images, probabilities[split]) for split, images in splits.items()}
    figures[TEST] |= detailed_metrics(splits[TEST], probabilities[TEST], rows, params)
    subjects = {row.subject for images in splits.values() for row in images.provenance}
    if not (caveat := split_caveat(rows[subject] for subject in subjects & rows.keys())):
        return figures
    # A subject that is an image has one image: its accuracy is no information.
    per_subject = figures[TEST]["per_subject"].items()
    figures[TEST]["per_subject"] = {name: row for name, row in per_subject if not rows[name].is_image}
    return {"subjects": full_caveat(caveat), **figures}


def split_metrics(images: ImageSet, probabilities: np.ndarray) -> dict[str, Any]:
    """Return loss, accuracy and macro F1 of one split, with its numbers of images and subjects."""
    labels = images.labels.numpy()
    confusion = metrics.confusion_matrix(labels, probabilities.argmax(1), len(images.classes))
    return {
        "loss": metrics.cross_entropy(probabilities, labels),
        "accuracy": float(metrics.accuracy(confusion)),
        "macro_f1": float(metrics.macro_f1(confusion)),
        "images": len(images),
        "subjects": len({row.subject for row in images.provenance}),
    }


def detailed_metrics(
    images: ImageSet, probabilities: np.ndarray, rows: Mapping[str, SplitRow], params: EvaluateParams
) -> dict[str, Any]:
    """Return metrics by class, by subject and by sex, 95 % intervals, and the calibration."""
    subjects = [row.subject for row in images.provenance]
    labels, classes = images.labels.numpy(), images.classes
    by_subject = metrics.subject_confusions(labels, probabilities.argmax(1), subjects, len(classes))
    confusions = np.stack(list(by_subject.values()))
    scores = metrics.class_scores(confusions.sum(0))
    by_sex = confusions_by_sex(by_subject, rows)
    return {
        "per_class": {name: asdict(score) for name, score in zip(classes, scores, strict=True)},
        "per_subject": {
            subject: {"accuracy": float(metrics.accuracy(confusion)), "images": int(confusion.sum())}
            for subject, confusion in by_subject.items()
        },
        "interval_95": intervals(confusions, params),
        "calibration": calibration_metrics(labels, probabilities, params),
        "per_sex": {sex: group_metrics(matrices) for sex, matrices in by_sex.items()},
        "sex_difference": sex_difference(by_sex, params),
    }


def intervals(confusions: np.ndarray, params: EvaluateParams) -> dict[str, dict[str, float] | None]:
    """Return the 95 % intervals of accuracy and macro F1, by resampling subjects; None for too few subjects.

    Args:
        confusions: (subjects, classes, classes), one confusion matrix per subject.
        params: Seed and number of cohorts.
    """
    generator = np.random.default_rng(params.seed)
    cohorts = metrics.resampled_subjects(confusions, params.resamples, generator)
    values = {"accuracy": metrics.accuracy(cohorts), "macro_f1": metrics.macro_f1(cohorts)}
    return {name: as_json(metrics.interval(found, len(confusions))) for name, found in values.items()}


def calibration_metrics(
    labels: np.ndarray, probabilities: np.ndarray, params: EvaluateParams
) -> dict[str, float]:
    """Return calibration error, Brier score and negative log-likelihood; 0 is best for each."""
    bins = calibration.reliability(probabilities, labels, params.calibration_bins)
    return {
        "ece": calibration.calibration_error(bins),
        "brier": calibration.brier_score(probabilities, labels),
        "nll": metrics.cross_entropy(probabilities, labels),
    }


def confusions_by_sex(
    by_subject: Mapping[str, np.ndarray], rows: Mapping[str, SplitRow]
) -> dict[str, np.ndarray]:
    """Return the confusion matrices (subjects, classes, classes) of each sex, in the order of its names.

    Raises EmoError if data/split.csv has no row of a subject.
    """
    groups: dict[str, list[np.ndarray]] = {}
    for subject, confusion in by_subject.items():
        if subject not in rows:
            raise EmoError(f"{SPLIT}: no row of {subject}, a subject of the dataset; run `dvc repro dataset`")
        groups.setdefault(rows[subject].sex or "not stated", []).append(confusion)
    return {sex: np.stack(groups[sex]) for sex in sorted(groups)}


def group_metrics(confusions: np.ndarray) -> dict[str, Any]:
    """Return the metrics of a group of subjects, from their confusion matrices (subjects, k, k)."""
    total = confusions.sum(0)
    return {
        "accuracy": float(metrics.accuracy(total)),
        "macro_f1": float(metrics.macro_f1(total)),
        "images": int(total.sum()),
        "subjects": len(confusions),
    }


def sex_difference(by_sex: Mapping[str, np.ndarray], params: EvaluateParams) -> dict[str, Any] | None:
    """Return the accuracy on female subjects minus that on male subjects, with its 95 % interval.

    Subjects of each sex are resampled separately. The smaller group decides how far the interval is widened;
    with fewer than `metrics.FEWEST` subjects of either sex there is no interval.

    Args:
        by_sex: (subjects, k, k) confusion matrices by sex.
        params: Seed and number of cohorts.

    Returns:
        None if there are no female or no male subjects.
    """
    if not {"F", "M"} <= by_sex.keys():
        return None
    female, male = by_sex["F"], by_sex["M"]
    difference = metrics.accuracy(female.sum(0)) - metrics.accuracy(male.sum(0))
    generator = np.random.default_rng(params.seed)
    cohorts = [metrics.resampled_subjects(group, params.resamples, generator) for group in (female, male)]
    differences = metrics.accuracy(cohorts[0]) - metrics.accuracy(cohorts[1])
    interval = metrics.interval(differences, min(len(female), len(male)))
    return {"accuracy": float(difference), "interval_95": as_json(interval)}


def as_json(interval: metrics.Interval | None) -> dict[str, float] | None:
    """Return an interval as plain values."""
    return asdict(interval) if interval else None


def format_metrics(figures: Mapping[str, Any]) -> str:
    """Return metrics as JSON text, rounded to six digits: further digits differ between processors."""
    return json.dumps(_rounded(figures), indent=2) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value
