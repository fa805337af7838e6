from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.dataset.split.subjects import SplitParams, split_subjects
from pipeline.runtime.errors import EmoError
from pipeline.schema.participants import Participant
from pipeline.schema.split import read_split
from pipeline.stages import split
from tests.support.making import enrol, person, set_params

PARAMS = SplitParams(seed=1, validation=0.15, test=0.15, folds=5)
COHORT = [person(f"S{n:02d}", enrolled=n, sex="FM"[n % 2]) for n in range(1, 41)]


def places(people: list[Participant], params: SplitParams = PARAMS) -> dict[str, tuple[str, int]]:
    return {row.subject: (row.split, row.fold) for row in split_subjects(people, params)}


def test_forty_subjects_are_balanced_within_each_sex() -> None:
    """20 female and 20 male subjects: quotas of 14, 3, 3 each and 28, 6, 6 overall, within one subject."""
    rows = split_subjects(COHORT, PARAMS)
    by_sex = Counter((row.split, row.sex) for row in rows)
    over_all = Counter(row.split for row in rows)
    for name, quota in (("train", 14), ("validation", 3), ("test", 3)):
        assert all(abs(by_sex[name, sex] - quota) <= 1 for sex in "FM")
        assert abs(over_all[name] - 2 * quota) <= 1
    folds = Counter((row.fold, row.sex) for row in rows)
    assert folds == {(fold, sex): 4 for fold in range(5) for sex in "FM"}


def test_withdrawal_leaves_an_unused_slot_and_reassigns_no_one() -> None:
    gone = [replace(p, consent="withdrawn") if p.enrolled in (1, 17) else p for p in COHORT]
    before, after = places(COHORT), places(gone)
    assert before.keys() - after.keys() == {"S01", "S17"}
    assert all(before[subject] == place for subject, place in after.items())


def test_the_order_of_the_table_and_the_names_do_not_matter() -> None:
    assert places(COHORT[::-1]) == places(COHORT)
    renamed = [replace(p, subject=f"P{p.enrolled}", age=None) for p in COHORT]
    assert list(places(renamed).values()) == list(places(COHORT).values())


def test_a_row_that_was_removed_would_reassign_later_subjects() -> None:
    with pytest.raises(EmoError, match=r"raw/participants\.csv: `enrolled` number 7 is missing"):
        split_subjects([p for p in COHORT if p.enrolled != 7], PARAMS)


def test_an_image_without_a_subject_id_is_assigned_on_its_own_with_a_caveat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "emo")
    monkeypatch.chdir(tmp_path)
    images = [
        person(f"i{n}", sex="", age=None, enrolled=40 + n, extra={"stands_for": "image"})
        for n in range(1, 61)
    ]
    set_params()
    enrol([*COHORT, *images], [])
    split.main()
    rows = read_split()
    assert [row.subject for row in rows.values() if row.is_image] == sorted(p.subject for p in images)
    counts = Counter(row.split for row in rows.values() if row.is_image)
    assert all(abs(counts[name] - quota) <= 1 for name, quota in (("validation", 9), ("test", 9)))
    assert "subjects: unknown for 60 of 100: each image is treated as its own subject" in caplog.text
    assert places([*COHORT, *images]).items() >= places(COHORT).items()


def test_x_and_unknown_sex_are_one_stratum_but_stay_apart_in_the_table() -> None:
    people = [person(f"S{n}", enrolled=n, sex=("X", "")[n % 2]) for n in range(1, 21)]
    rows = split_subjects(people, PARAMS)
    assert {row.sex for row in rows} == {"X", ""}
    counts = Counter(row.split for row in rows)
    for name, quota in (("train", 14), ("validation", 3), ("test", 3)):
        assert abs(counts[name] - quota) <= 1


def test_another_seed() -> None:
    assert places(COHORT) != places(COHORT, replace(PARAMS, seed=2))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("validation", 0.05, "validation: 0.05 is not within 0.1..0.4"),
        ("test", 0.5, "test: 0.5 is not within 0.1..0.4"),
        ("test", 0.333, "test: 0.333 is not a whole percent, such as 0.15"),
        ("folds", 1, "folds: 1 is not within 2..20"),
    ],
)
def test_ranges_of_the_params(name: str, value: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(PARAMS, **{name: value})


def test_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "emo")
    monkeypatch.chdir(tmp_path)
    set_params(split=asdict(PARAMS))
    enrol(COHORT, [])
    split.main()
    assert caplog.messages == ["40 subjects: train 29, validation 5, test 6"]
    assert {s: (row.split, row.fold) for s, row in read_split().items()} == places(COHORT)
    enrol([], [])
    with pytest.raises(EmoError, match="no participants yet"):
        split.main()
