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


def test_forty_people_are_split_alike_within_each_sex() -> None:
    """The study's cohort, 20 women and 20 men: quotas of 14, 3, 3 each and 28, 6, 6 over all, within one."""
    rows = split_subjects(COHORT, PARAMS)
    by_sex = Counter((row.split, row.sex) for row in rows)
    over_all = Counter(row.split for row in rows)
    for name, quota in (("train", 14), ("validation", 3), ("test", 3)):
        assert all(abs(by_sex[name, sex] - quota) <= 1 for sex in "FM")
        assert abs(over_all[name] - 2 * quota) <= 1
    folds = Counter((row.fold, row.sex) for row in rows)
    assert folds == {(fold, sex): 4 for fold in range(5) for sex in "FM"}


def test_withdrawal_leaves_a_hole_and_moves_nobody() -> None:
    gone = [replace(p, consent="withdrawn") if p.enrolled in (1, 17) else p for p in COHORT]
    before, after = places(COHORT), places(gone)
    assert before.keys() - after.keys() == {"S01", "S17"}
    assert all(before[subject] == place for subject, place in after.items())


def test_the_order_of_the_table_and_the_names_do_not_matter() -> None:
    assert places(COHORT[::-1]) == places(COHORT)
    renamed = [replace(p, subject=f"P{p.enrolled}", age=None) for p in COHORT]
    assert list(places(renamed).values()) == list(places(COHORT).values())


def test_a_row_that_was_removed_would_move_people() -> None:
    with pytest.raises(EmoError, match="nobody has the number 7 in `enrolled`; put the row back"):
        split_subjects([p for p in COHORT if p.enrolled != 7], PARAMS)


def test_an_image_without_a_subject_is_drawn_by_itself_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
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
    assert "split: subjects: not known of 60 of 100: each image counts as its own" in capsys.readouterr().out
    assert places([*COHORT, *images]).items() >= places(COHORT).items()


def test_x_and_not_known_are_one_stratum_but_keep_what_was_said() -> None:
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


def test_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    set_params(split=asdict(PARAMS))
    enrol(COHORT, [])
    split.main()
    assert capsys.readouterr().out.startswith("split: 40 subjects: train 2")
    assert {s: (row.split, row.fold) for s, row in read_split().items()} == places(COHORT)
    enrol([], [])
    with pytest.raises(EmoError, match="no participants yet"):
        split.main()
