"""Checks of the detection rate: of every clip, of every subject, and of female and male subjects."""

from collections.abc import Collection, Sequence
from itertools import combinations
from math import comb

import numpy as np

from pipeline.audit.gate.check import Finding, Scope, Topic, check, verdict
from pipeline.runtime.paths import FUNNEL
from pipeline.schema.funnel import FunnelRow, faces_found
from pipeline.schema.participants import Participant

LEAST = 0.5
"""Share of the frames of a clip, or of a subject, in which a face must have been accepted."""

LARGEST_DIFFERENCE = 0.05
"""Between the mean detection rates of female and male subjects, from which it matters beyond chance."""

SIGNIFICANCE = 0.05
"""Significance level of the permutation test."""

_DRAWS = 10_000
_SEED = 0
_PERCENTILES = (2.5, 97.5)


def not_searched(funnel: Sequence[FunnelRow]) -> str:
    """Return why there is no detection rate if the detector does not search for faces."""
    taken, sampled = sum(map(_faces, funnel)), sum(row.sampled for row in funnel)
    return f"no face was searched for (faces: detector); taken whole: {taken} of {sampled} frames"


@check("faces in most frames of every clip", Topic.FACES, Scope.ENROLLED)
def clips_give_faces(searched: Sequence[FunnelRow], excluded_clips: Collection[str]) -> Finding:
    """Half or more of the sampled frames of every clip gave a face; of stills, half or more of all.

    A clip whose faces are all duplicates of another view of its take passes; it is counted. Clips that are
    excluded by decisions are left out.
    """
    searched = [row for row in searched if row.clip not in excluded_clips]
    stills = [row for row in searched if row.sampled == 1]
    found = sum(map(_faces, stills))
    violations = [f"stills: {found} of {len(stills)}"] if found < LEAST * len(stills) else []
    violations += [
        f"{row.clip}: {_faces(row)} of {row.sampled} frames"
        for row in searched
        if row.sampled != 1 and (_faces(row) < LEAST * row.sampled or not _faces(row))
    ]
    doubled = sum(row.duplicates == _faces(row) > 0 for row in searched if row.sampled != 1)
    fine = f"{len(searched)} clips{f', {doubled} all duplicates of other views' if doubled else ''}"
    fine += f", a face in {found} of {len(stills)} stills" if stills else ""
    return verdict(violations, fine, f"{FUNNEL} gives the reasons")


def _faces(row: FunnelRow) -> int:
    return row.excluded + row.duplicates + row.other_class + row.no_consent + row.images


@check("similar detection rate for all subjects", Topic.FACES, Scope.ENROLLED)
def faces_found_alike(searched: Sequence[FunnelRow], participants: Sequence[Participant]) -> Finding:
    """Faces are detected in most frames of every subject, and as often for female as for male subjects."""
    rates = {subject: faces / frames for subject, (faces, frames) in faces_found(searched).items()}
    by_sex = {
        sex: [rates[p.subject] for p in participants if p.subject in rates and p.sex == sex] for sex in _SEXES
    }
    means = [f"{_SEXES[sex]} {np.mean(v):.1%} ({len(v)})" for sex, v in by_sex.items() if v]
    compared, differs = _compared(by_sex["F"], by_sex["M"])
    worst = min(rates, key=lambda subject: (rates[subject], subject), default="")
    text = f"{', '.join(means)}; {compared}; lowest: {worst} {rates[worst]:.1%}" if worst else "no frames"
    low = [f"{subject} only {share:.1%}" for subject, share in sorted(rates.items()) if share < LEAST]
    return verdict([*low, *(["F and M differ"] if differs else [])], text, text)


_SEXES = {"F": "F", "M": "M", "X": "X", "": "unknown"}


def _compared(female: Sequence[float], male: Sequence[float]) -> tuple[str, bool]:
    """Return the difference in words, and whether it is large and significant."""
    if min(len(female), len(male)) < 2:
        return "too few subjects to compare F and M", False
    groups = (np.array(female), np.array(male))
    difference, low, high = mean_difference(*groups)
    p = permutation_p(*groups)
    text = f"F-M {difference * 100:+.1f} points (95 % {low * 100:+.1f} to {high * 100:+.1f}; p {p:.2g})"
    return text, abs(difference) >= LARGEST_DIFFERENCE and p < SIGNIFICANCE


def mean_difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Return the difference of two means of subjects, and its 95 % interval from resampling subjects.

    (n,) and (m,) float64. The percentile bootstrap of two samples (Efron & Tibshirani 1993); its intervals
    are too narrow for a handful of subjects, so they are only reported, and `permutation_p` decides.
    """
    rng = np.random.default_rng(_SEED)
    draws = [group[rng.integers(0, len(group), (_DRAWS, len(group)))].mean(axis=1) for group in (one, other)]
    low, high = np.percentile(draws[0] - draws[1], _PERCENTILES)
    return float(one.mean() - other.mean()), float(low), float(high)


def permutation_p(one: np.ndarray, other: np.ndarray) -> float:
    """Return the p value of a permutation test of the difference of two means.

    (n,) and (m,) float64. Two-sided, over all permutations if there are 10,000 or fewer (Fisher 1935),
    else over 10,000 random ones and the observed one (Phipson & Smyth 2010).
    """
    pooled, n = np.concatenate([one, other]), len(one)
    is_exact = comb(len(pooled), n) <= _DRAWS
    dealt = _all_ways(len(pooled), n) if is_exact else _drawn_ways(len(pooled), n)
    sums = dealt @ pooled
    differences = np.abs(sums / n - (pooled.sum() - sums) / len(other))
    as_large = int((differences >= abs(one.mean() - other.mean()) - 1e-12).sum())
    return as_large / len(dealt) if is_exact else (as_large + 1) / (_DRAWS + 1)


def _all_ways(subjects: int, n: int) -> np.ndarray:
    """Return all ways to choose n of so many subjects, (ways, subjects) bool."""
    chosen = np.array(list(combinations(range(subjects), n)))
    ways = np.zeros((len(chosen), subjects), bool)
    np.put_along_axis(ways, chosen, True, axis=1)
    return ways


def _drawn_ways(subjects: int, n: int) -> np.ndarray:
    """Return 10,000 random ways to choose n of so many subjects, (ways, subjects) bool."""
    ways = np.tile(np.arange(subjects) < n, (_DRAWS, 1))
    return np.random.default_rng(_SEED).permuted(ways, axis=1)
