"""Dividing images in memory: each image once, shares kept, subjects on one side unless the split leaks."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.learning.protocols.partitions import Partition, by_subject, frame_random, k_fold, leave_one_out
from pipeline.runtime.errors import EmoError

cohorts = st.lists(st.integers(1, 5), min_size=3, max_size=12)
"""Number of images of each subject."""


def subjects_of(cohort: list[int]) -> np.ndarray:
    return np.array([f"p{number:02d}" for number, images in enumerate(cohort) for _ in range(images)])


def folds_of(cohort: list[int], folds: int) -> dict[str, int]:
    return {f"p{number:02d}": number % folds for number in range(len(cohort))}


def sides(partition: Partition) -> list[list[int]]:
    return [part.tolist() for part in (partition.train, partition.validation, partition.test)]


def subjects_by_side(subjects: np.ndarray, partition: Partition) -> list[set[str]]:
    return [set(subjects[side].tolist()) for side in sides(partition)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.integers(0, 99))
def test_frame_random_has_each_image_once_and_the_shares_of_each_class(labels: list[int], seed: int) -> None:
    found = frame_random(np.array(labels), (0.15, 0.2), seed)
    assert sorted(chain(*sides(found))) == list(range(len(labels)))
    for label in set(labels):
        counts = [sum(labels[i] == label for i in side) for side in sides(found)]
        images = labels.count(label)
        assert counts[1:] == [round(images * 0.15), round(images * 0.2)]


def test_frame_random_leaks_and_only_the_seed_decides() -> None:
    subjects, labels = subjects_of([20] * 4), np.arange(80) % 2
    found = frame_random(labels, (0.2, 0.2), 0)
    assert subjects_by_side(subjects, found) == [{"p00", "p01", "p02", "p03"}] * 3
    assert sides(frame_random(labels, (0.2, 0.2), 0)) == sides(found)
    assert sides(frame_random(labels, (0.2, 0.2), 1)) != sides(found)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.sampled_from([0.1, 0.25, 0.4]))
def test_frame_random_leaves_an_image_of_each_class_to_train(labels: list[int], share: float) -> None:
    found = frame_random(np.array(labels), (share, 0.4), 0)
    assert {labels[i] for i in found.train} == set(labels)  # of two or four images 0.4 and 0.4 are all
    assert sorted(chain(*sides(found))) == list(range(len(labels)))


def test_by_subject_divides_by_the_lists() -> None:
    subjects = subjects_of([2, 1, 3])
    found = by_subject(subjects, "all", ["p01"], ["p02"])
    assert sides(found) == [[0, 1], [2], [3, 4, 5]]


@settings(max_examples=50)
@given(cohorts, st.integers(3, 5))
def test_by_fold_and_by_subject_no_subject_is_on_two_sides(cohort: list[int], folds: int) -> None:
    subjects, fold_of = subjects_of(cohort), folds_of(cohort, folds)
    for divide in (k_fold, leave_one_out):
        tested: list[int] = []
        for partition in divide(subjects, fold_of):
            train, validation, test = subjects_by_side(subjects, partition)
            assert not train & validation
            assert not test & (train | validation)
            assert train
            assert validation
            assert sorted(chain(*sides(partition))) == list(range(len(subjects)))
            tested += partition.test.tolist()
        assert sorted(tested) == list(range(len(subjects)))  # every image is tested once


def test_the_fold_after_the_test_fold_validates() -> None:
    subjects, fold_of = subjects_of([1] * 6), folds_of([1] * 6, 3)
    found = [subjects_by_side(subjects, partition)[1:] for partition in k_fold(subjects, fold_of)]
    assert found == [
        [{"p01", "p04"}, {"p00", "p03"}],
        [{"p02", "p05"}, {"p01", "p04"}],
        [{"p00", "p03"}, {"p02", "p05"}],
    ]
    alone = leave_one_out(subjects, fold_of)
    assert [partition.fold for partition in alone] == ["p00", "p01", "p02", "p03", "p04", "p05"]
    assert subjects_by_side(subjects, alone[2])[1:] == [{"p00", "p03"}, {"p02"}]


def test_too_few_folds_and_unknown_subjects() -> None:
    with pytest.raises(EmoError, match=r"^data/split\.csv: .*2 folds"):
        k_fold(subjects_of([1, 1, 1]), folds_of([1, 1, 1], 2))
    with pytest.raises(EmoError, match=r"^data/split\.csv: .*p02"):
        leave_one_out(subjects_of([1, 1, 1]), folds_of([1, 1], 2))
