"""Every violation that can be planted is found by its own check; a clean cohort raises none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.audit.checks import decisions, faces, outputs, recordings, records, splits
from pipeline.audit.checks.images import alike
from pipeline.audit.checks.outputs import Status
from pipeline.audit.checks.participants import Withdrawn
from pipeline.audit.evidence import Evidence
from pipeline.audit.gate.check import UnavailableError, verdict
from pipeline.audit.run import CHECKS, UP_TO_DATE, run_audit
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.ledger import ledger_of
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.stage_records import RecordComparison
from pipeline.versions.version import empty_version
from tests.support.cohort import (
    CLASSES,
    CLIPS,
    FRAMES,
    PEOPLE,
    SPLIT,
    census_of,
    cohort,
    failing,
    funnel_row,
    hashed_image,
    named_clips,
    near,
    pieces_of,
    shards_of,
    version,
)
from tests.support.making import clip, counted_row, decision, enrol, person, set_params

NAMED = "labels match the paths"


def with_clip(name: str, **changed: Any) -> list[Clip]:
    return [replace(c, **changed) if c.clip == name else c for c in CLIPS]


def test_a_clean_cohort_raises_nothing() -> None:
    assert failing() == {}
    evidence: Any = cohort(clips=named_clips())
    found = [check(evidence) for check in CHECKS.values()]
    assert all(finding.ok and finding.detail and "\n" not in finding.detail for finding in found)
    assert not any(finding.skipped for finding in found)


# --- Recordings -----------------------------------------------------------------------------------


def test_one_recording_of_two_subjects() -> None:
    found = failing(clips=with_clip("S2_sad", sha256=CLIPS[0].sha256))
    assert set(found) == {"no recording enrolled twice", "recordings unchanged"}
    assert "S1_happy and S2_sad: one recording of S1, S2; " in found["no recording enrolled twice"]
    assert "one recording as S1_happy.mp4, S2_sad.mp4" in found["no recording enrolled twice"]


def test_overlapping_stretches_under_two_labels() -> None:
    same = {"video": "S1.mp4", "sha256": "a" * 64, "end_s": 2.0}
    clips = [replace(c, **same) if c.subject == "S1" else c for c in CLIPS]
    lengths = {c.video: 1 for c in clips}
    assert failing(clips=clips, lengths=lengths, tracked=len(lengths), digests={}) == {
        "no recording enrolled twice": "S1_happy and S1_sad: the same stretch of a recording twice, as "
        "happy, sad; correct raw/clips.csv"
    }
    apart = [replace(c, start_s=2.0, end_s=None) if c.clip == "S1_sad" else c for c in clips]
    assert recordings.enrolled_once(apart).ok


def test_views_of_one_take_under_two_labels() -> None:
    found = failing(clips=with_clip("S1_sad", take="S1_happy"))
    assert found == {
        "no take under two labels": "S1_happy: S1_happy is happy, S1_sad is sad; "
        "correct it with `emo relabel`"
    }


def test_a_label_against_the_name_of_the_path() -> None:
    evidence: Any = cohort(clips=named_clips(S1_sad="angry"))
    finding = CHECKS[NAMED](evidence)
    assert (finding.ok, finding.detail) == (
        False,
        "S1_sad: sad, but its path says angry; correct the label with `emo relabel`, "
        "or empty the cell `named` in raw/clips.csv",
    )
    with pytest.raises(UnavailableError, match="no clip comes from a manifest"):
        CHECKS[NAMED](cohort())  # type: ignore[arg-type]


def test_a_relabelled_clip_may_differ_from_its_path() -> None:
    named = with_clip("S1_sad", extra={"named": "angry"})
    row = decision(1, "relabel", clip="S1_sad", recording=sha256_of("S1_sad"), value="scared")
    assert "labels match the paths" not in failing(clips=named, decisions=[row])


def test_views_of_one_take_are_compared_by_their_effective_labels() -> None:
    views = with_clip("S1_sad", take="S1_happy")
    row = decision(1, "relabel", clip="S1_sad", recording=sha256_of("S1_sad"), value="happy")
    assert "no take under two labels" not in failing(clips=views, decisions=[row])


def test_labels_edited_by_hand_are_noted() -> None:
    finding = decisions.labels_not_edited(with_clip("S1_sad", expression="angry"), [version("1a2b3c4 (v1)")])
    assert finding.ok
    assert (
        "1 label edited by hand in raw/clips.csv: S1_sad sad -> angry (after 1a2b3c4 (v1))" in finding.detail
    )
    assert decisions.labels_not_edited(CLIPS, [version("v1")]).detail == "12 clips"


def test_decisions_without_a_clip_and_removed_ones_are_noted() -> None:
    rows = [
        decision(1, clip="gone", recording="e" * 64),
        decision(2, clip="S1_sad", recording=sha256_of("S1_sad")),
    ]
    removed = [
        decision(7, clip="S2_sad", recording=sha256_of("S2_sad")),
        decision(8, clip="x", recording="a" * 64),
    ]
    finding = decisions.decisions_have_clips(
        ledger_of(rows, CLIPS), CLIPS, [*rows, *removed], {"a" * 64: "withdrew"}
    )
    assert (finding.ok, finding.detail) == (
        True,
        "note: no longer in use: decision 1, gone: its recording is not enrolled; 1 decision of earlier "
        "versions removed from raw/decisions.csv; 2 decisions in all",
    )


def test_an_excluded_clip_needs_no_faces() -> None:
    rows = with_row("S1_sad", images=0, duplicates=0, no_face=9)
    assert not faces.clips_give_faces(rows, ()).ok
    assert faces.clips_give_faces(rows, {"S1_sad"}).ok


def sha256_of(name: str) -> str:
    return next(c.sha256 for c in CLIPS if c.clip == name)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"S1_sad.mp4": None}, "raw/videos/S1_sad.mp4: missing; "),
        ({"S1_sad.mp4": 0}, "raw/videos/S1_sad.mp4: empty; "),
        ({"S1_sad.mp4": 999}, "raw/videos: 11,999 bytes; raw/videos.dvc says 12,000; "),
        (
            {"notes.txt": 6},
            "raw/videos: 12,006 bytes, with notes.txt, which belong to no enrolled subject; raw/videos.dvc",
        ),
    ],
)
def test_recordings_that_are_missing_or_cut(changed: dict[str, Any], expected: str) -> None:
    lengths = {name: size for name, size in (cohort().lengths | changed).items() if size is not None}
    found = failing(lengths=lengths)
    assert list(found) == ["recordings present"]
    assert found["recordings present"].startswith(expected)


def test_a_recording_with_another_content() -> None:
    found = failing(digests=cohort().digests | {"S3_sad.mp4": "b" * 64})
    assert list(found) == ["recordings unchanged"]
    assert found["recordings unchanged"].startswith("raw/videos/S3_sad.mp4: SHA-256 bbbbbbbbbbbb.., enrolled")


# --- People ---------------------------------------------------------------------------------------


def test_a_clip_of_nobody() -> None:
    found = failing(clips=[*CLIPS, clip("stray", subject="S9", sha256="c" * 64)])
    assert found["every clip has a participant"] == "stray of S9; add the row to raw/participants.csv"


def test_what_is_left_of_somebody_who_withdrew() -> None:
    found = failing(withdrawn=Withdrawn({"S2": "raw/participants.csv of v1"}, {}))
    assert found == {
        "no data of withdrawn subjects": "S2, withdrawn in raw/participants.csv of v1: files: 2 in "
        "raw/videos, 2 in data/faces, 1 in data/dataset; run `emo withdraw S2`"
    }


def test_a_recording_that_came_back_under_another_code() -> None:
    found = failing(withdrawn=Withdrawn({"S9": "raw/withdrawn.csv"}, {CLIPS[0].sha256: "S9"}))
    assert found == {
        "no data of withdrawn subjects": "S9, withdrawn in raw/withdrawn.csv: files: 1 in raw/videos, under "
        "the code S1; run `emo withdraw S9`"
    }


def test_nothing_is_left_of_somebody_who_is_gone() -> None:
    others = [c for c in CLIPS if c.subject != "S2"]
    assert (
        failing(withdrawn=Withdrawn({"S2": "raw/withdrawn.csv"}, {"d" * 64: "S2"}), pieces=pieces_of(others))
        == {}
    )


# --- Near-duplicates ------------------------------------------------------------------------------


def same_split() -> tuple[str, str]:
    """Return two subjects of one split."""
    train = [name for name, row in SPLIT.items() if row.split == "train"]
    return train[0], train[1]


def test_near_duplicates_across_subjects() -> None:
    one, other = same_split()
    found = failing(near_pairs=near(f"{one}_sad", f"{other}_sad", 2))
    assert found == {
        "no near-duplicate across subjects": f"{one} and {other}: 2 pairs, nearest {one}_sad_000000.png and "
        f"{other}_sad_000000.png (3 bits); one subject under two codes, or one recording twice? see "
        "near_pairs.png"
    }


def test_near_duplicates_across_splits_fail_in_the_gate_too() -> None:
    train, test = (next(n for n, row in SPLIT.items() if row.split == split) for split in ("train", "test"))
    found = failing(near_pairs=near(f"{train}_sad", f"{test}_sad"))
    assert set(found) == {"no near-duplicate across splits", "no near-duplicate across subjects"}


def test_a_clip_under_two_labels() -> None:
    found = failing(near_pairs=near("S1_happy", "S1_sad", 2))
    assert found == {
        "no clip under two labels": "S1_happy: 2 of 3 images, as in S1_sad; S1_sad: 2 of 3 images, as in "
        "S1_happy; see near_pairs.png"
    }


def test_single_images_under_two_labels_are_told() -> None:
    pairs = near("S1_happy", "S1_sad")
    assert failing(near_pairs=pairs) == {}
    detail = CHECKS["no clip under two labels"](cohort(near_pairs=pairs)).detail  # type: ignore[arg-type]
    assert detail == "2 clips, a few images each, as at a neutral start: near_pairs.png"
    many = [funnel_row(c, images=5, duplicates=4) for c in CLIPS]
    assert failing(near_pairs=near("S1_happy", "S1_sad", 2), funnel=many) == {}


# --- Splits ---------------------------------------------------------------------------------------


def moved_split(name: str, place: str) -> dict[str, Any]:
    return SPLIT | {name: replace(SPLIT[name], split=place)}


def test_a_split_that_was_edited_by_hand() -> None:
    train = same_split()[0]
    found = failing(split=moved_split(train, "test"), earlier=[version("v1", moved_split(train, "test"))])
    assert set(found) - {"sexes within quota"} == {"split as drawn", "folders match the split"}
    fold = SPLIT[train].fold
    assert found["split as drawn"] == (
        f"{train}: test (fold {fold}) in data/split.csv, the draw gives train (fold {fold}); "
        "`dvc repro --force split` redraws it"
    )
    assert found["folders match the split"].startswith(
        f"data/dataset/train/{train}.parquet: the split of the subject is test"
    )


def test_a_row_too_many_and_one_too_few() -> None:
    less = {name: row for name, row in SPLIT.items() if name != "S6"}
    found = failing(split=less | {"S9": replace(SPLIT["S6"], subject="S9")})
    assert "S6: no split in data/split.csv" in found["split as drawn"]
    assert "S9: " in found["split as drawn"]
    assert "the draw gives no split" in found["split as drawn"]


def test_sexes_beyond_their_quota() -> None:
    everybody = {name: replace(row, split="train") for name, row in SPLIT.items()}
    finding = splits.sexes_in_quota(PEOPLE, everybody, cohort().split_params)
    assert (finding.ok, finding.detail) == (False, "F and M in train: +1.8 subjects; 1 allowed")


def test_a_hole_left_by_somebody_who_withdrew_is_no_fault() -> None:
    """Withdrawn people count where they were drawn for: all of the validation and test people may go."""
    gone = [name for name, row in SPLIT.items() if row.split != "train"]
    people = [replace(p, consent="withdrawn") if p.subject in gone else p for p in PEOPLE]
    left = {name: row for name, row in SPLIT.items() if name not in gone}
    assert splits.sexes_in_quota(people, left, cohort().split_params).ok
    assert splits.splits_as_drawn(people, left, cohort().split_params).ok


def of_test_people(people: int, sad: int) -> Any:
    """Return the finding where so many test people have 40 happy images each, and so many sad ones."""
    train = [CensusRow("train", f"S{n}", name, 1, 40, "") for n in range(8) for name in ("happy", "sad")]
    held_out = [
        CensusRow("test", f"T{n}", name, 1, images, "")
        for n in range(people)
        for name, images in (("happy", 40), ("sad", sad))
    ]
    return splits.classes_in_proportion([*train, *held_out])


def test_a_class_out_of_proportion() -> None:
    assert of_test_people(5, 40).detail == "scarcest: happy in test: 200 images, 200.0 expected"
    finding = of_test_people(5, 5)
    assert not finding.ok
    assert finding.detail.startswith("sad in test: 25 images, 89.7 expected; ")  # 225 x 345 / 865


def test_one_clip_less_of_two_people_is_told_not_faulted() -> None:
    finding = of_test_people(2, 5)
    assert finding.ok
    assert finding.detail.startswith("scarcest: sad in test: 10 images, ")
    assert finding.detail.endswith(" expected, in a split of 2 subjects")


def test_too_few_images_say_nothing_about_a_class() -> None:
    rows = [replace(row, images=1 if row.split != "train" else 2) for row in census_of(CLIPS)]
    uneven = [row for row in rows if (row.split, row.expression) != ("test", "sad")]
    assert splits.classes_in_proportion(uneven).ok


def test_somebody_who_moved() -> None:
    one = same_split()[0]
    versions = [version("2b3c4d5"), version("1a2b3c4 (v1)", moved_split(one, "test"), seed=5)]
    assert failing(earlier=versions) == {
        "no subject changed split": f"{one}: test in 1a2b3c4 (v1), train now (split.seed: 5 -> 4)"
    }


def test_somebody_who_moved_under_another_code() -> None:
    one, other = same_split()[0], next(name for name in SPLIT if SPLIT[name].split == "test")
    before = replace(version("1a2b3c4 (v1)"), clips=tuple(with_clip(f"{other}_sad", subject=one)))
    assert failing(earlier=[before]) == {
        "no subject changed split": f"{one} as {other}: train in 1a2b3c4 (v1), test now"
    }


def test_a_version_that_cannot_be_read_hides_no_other() -> None:
    bad = empty_version(
        Path(), "2b3c4d5", "2b3c4d5", "data/split.csv: line 4: more or fewer values than columns"
    )
    one = same_split()[0]
    told = failing(earlier=[bad, version("1a2b3c4", moved_split(one, "test"))])
    assert told["no subject changed split"].startswith(f"{one}: test in 1a2b3c4, train now")
    finding = splits.no_subject_moved(version("workspace"), [bad, version("1a2b3c4")])
    assert finding.detail == (
        "6 subjects, compared with 1 version in Git; not readable: 2b3c4d5: data/split.csv: line 4: more or "
        "fewer values than columns"
    )


def test_versions_that_cannot_be_seen_are_told() -> None:
    finding = splits.no_subject_moved(version("workspace"), [version("1a2b3c4")], "; the clone is shallow")
    assert finding.detail == "6 subjects, compared with 1 version in Git; the clone is shallow"
    with pytest.raises(UnavailableError, match=r"no commit has data/split\.csv; the clone is shallow"):
        splits.no_subject_moved(version("workspace"), [], "; the clone is shallow")


# --- The detector ---------------------------------------------------------------------------------


def with_row(name: str, **changed: int) -> list[Any]:
    return [funnel_row(c, **changed) if c.clip == name else funnel_row(c) for c in CLIPS]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"no_face": 5, "duplicates": 1}, "S1_sad: 4 of 9 frames"),
        ({"no_face": 9, "duplicates": 0, "images": 0}, "S1_sad: 0 of 9 frames"),
        ({"sampled": 0, "duplicates": 0, "images": 0}, "S1_sad: 0 of 0 frames"),
    ],
)
def test_a_clip_with_few_faces(changed: dict[str, int], told: str) -> None:
    found = failing(funnel=with_row("S1_sad", **changed))
    assert found == {"faces in most frames of every clip": f"{told}; reports/funnel.csv gives the reasons"}


def test_a_clip_that_another_view_stands_for() -> None:
    finding = faces.clips_give_faces(with_row("S1_sad", duplicates=9, images=0), ())
    assert (finding.ok, finding.detail) == (True, "12 clips, 1 all duplicates of other views")


def test_a_subject_whose_face_is_seldom_found() -> None:
    rows = [funnel_row(c) for c in CLIPS if c.subject != "S3"]
    rows += [funnel_row(c, no_face=5, duplicates=1) for c in CLIPS if c.subject == "S3"]
    found = faces.faces_found_alike(rows, PEOPLE)
    assert not found.ok
    assert found.detail.startswith("S3 only 44.4%; ")
    assert found.detail.endswith("lowest: S3 44.4%")


def test_a_detector_that_searches_for_nothing_has_no_detection_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    set_params(faces={"detector": "whole_frame"})
    write_csv(Path("reports/funnel.csv"), [funnel_row(c) for c in CLIPS], FunnelRow)
    evidence = Evidence(deep=False, since=None, ask_dvc=lambda: Status({}))
    for name in ("faces in most frames of every clip", "similar detection rate for all subjects"):
        with pytest.raises(UnavailableError, match="taken whole: 108 of 108 frames"):
            CHECKS[name](evidence)


def test_a_check_has_the_caveat_of_its_scope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dataset knows nothing of images that give no face, but the draw of the split counts them."""
    monkeypatch.chdir(tmp_path)
    image = person("imagefolder_1", enrolled=7, extra={"stands_for": "image"})
    enrol([*PEOPLE, image], CLIPS)
    evidence = Evidence(deep=False, since=None, ask_dvc=lambda: Status({}))
    caveat = "unknown for 1 of 7: each image is treated as its own subject"
    assert evidence.caveat(CHECKS["split as drawn"].scope) == caveat
    assert evidence.caveat(CHECKS["no subject without consent"].scope) == ""


def rate_row(subject: str, faces: int) -> FunnelRow:
    """Return the row of a clip with a face in so many of 100 frames."""
    return counted_row(subject, subject, "sad", "train", sampled=100, no_face=100 - faces, images=faces)


def yields(women: Sequence[int], men: Sequence[int]) -> Any:
    """Return the finding for faces in so many of 100 frames."""
    people = [person(f"F{n}", sex="F") for n in range(len(women))]
    people += [person(f"M{n}", sex="M") for n in range(len(men))]
    rows = [rate_row(p.subject, n) for p, n in zip(people, (*women, *men), strict=True)]
    return faces.faces_found_alike(rows, people)


def test_faces_of_women_and_men_found_less_often() -> None:
    uneven = yields([90, 88, 92, 89], [99, 98, 100, 99])
    assert not uneven.ok
    assert "F and M differ; F 89.8% (4), M 99.0% (4); F-M -9.2 points (95 % " in uneven.detail
    assert "; p 0.029)" in uneven.detail  # 2 of the 70 ways to deal eight people to four and four
    assert yields([90, 88], [99, 98]).ok  # 2 of 6 ways: two and two can show nothing
    assert yields([97, 96, 97, 96], [99, 98, 99, 98]).ok  # surely different, but by two points
    assert yields([60, 99, 99, 98], [99, 98, 99, 98]).ok  # by ten, but because of one person
    alone = yields([60], [99, 98])
    assert alone.ok
    assert "too few subjects to compare F and M" in alone.detail


def test_the_interval_is_that_of_the_normal_distribution_for_many() -> None:
    """Standard error of a difference of means, n = 400 each: sqrt(2 * 0.01 / 400) = 0.00707; times 1.96."""
    rng = np.random.default_rng(1)
    difference, low, high = faces.mean_difference(rng.normal(0.9, 0.1, 400), rng.normal(0.8, 0.1, 400))
    assert high - difference == pytest.approx(0.0139, abs=0.001)
    assert difference - low == pytest.approx(0.0139, abs=0.001)


def test_permutations_by_hand() -> None:
    """Of {1, 2, 3, 10} two and two: 10 and 3 are farthest from the others, then 10 and 2; and mirrors."""
    assert faces.permutation_p(np.array([10.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(2 / 6)
    assert faces.permutation_p(np.array([10.0, 2.0]), np.array([3.0, 1.0])) == pytest.approx(4 / 6)


def test_drawn_permutations_come_to_what_all_of_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(0.9, 0.05, 7), rng.normal(0.85, 0.05, 7)
    exact = faces.permutation_p(one, other)
    monkeypatch.setattr(faces, "comb", lambda *_: 10**9)
    drawn = faces.permutation_p(one, other)
    assert drawn == pytest.approx(exact, abs=0.01)
    assert drawn == faces.permutation_p(one, other)


def test_people_of_other_sexes_are_told_not_compared() -> None:
    people = [person("A", sex="X"), person("B", sex="")]
    detail = faces.faces_found_alike([rate_row("A", 90), rate_row("B", 80)], people).detail
    assert detail == "X 90.0% (1), unknown 80.0% (1); too few subjects to compare F and M; lowest: B 80.0%"


# --- Outputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"images": 2}, "sad has 3 images, 2 in data/census.csv"),
        ({"digest": "0" * 16}, "sad has different images"),
    ],
)
def test_a_shard_that_is_not_what_the_census_says(changed: dict[str, Any], told: str) -> None:
    census = census_of(CLIPS)
    found = failing(census=[replace(census[1], **changed), census[0], *census[2:]], shards=shards_of(census))
    assert list(found) == ["dataset matches the census"]
    path = f"data/dataset/{census[1].split}/S1.parquet"
    assert found["dataset matches the census"].startswith(f"{path}: {told}; ")


def test_a_shard_with_somebody_elses_images() -> None:
    shards = shards_of(census_of(CLIPS))
    swapped = [replace(shards[0], rows=shards[1].rows), replace(shards[1], rows=shards[0].rows), *shards[2:]]
    found = failing(shards=swapped)
    assert list(found) == ["folders match the split"]
    assert "S1.parquet: images of S2" in found["folders match the split"]


# --- Images ---------------------------------------------------------------------------------------


def with_picture(**changed: Any) -> dict[str, Any]:
    """Return the cohort's images with the first of them changed."""
    first, *others = cohort().images
    return {"hashed": [hashed_image(first, **changed), *map(hashed_image, others)]}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"digest": b"another"}, "differs from the face crop in data/faces/S1_happy.parquet"),
        ({"time_s": 0.5}, "at 0.5 s, but at 0 s in data/faces/S1_happy.parquet"),
        ({"name": "S1_happy_000007.png"}, "is named S1_happy_000007.png"),
    ],
)
def test_an_image_that_is_not_the_face_that_was_cut(changed: dict[str, Any], told: str) -> None:
    found = failing(**with_picture(**changed))
    assert list(found) == ["images match their face crops"]
    assert found["images match their face crops"].startswith(f"S1_happy_000000.png: {told}; ")


def test_an_image_from_no_face_or_twice_or_of_a_duplicate() -> None:
    clean = cohort()
    key = ("S1_happy", 0)
    name = "images match their face crops"
    cuts = {other: cut for other, cut in clean.crops.items() if other != key}
    assert "data/faces/S1_happy.parquet has no such face crop" in failing(crops=cuts)[name]
    assert "S1_happy_000000.png: 2 times" in failing(hashed=[*clean.hashed, clean.hashed[0]])[name]
    assert "data/duplicates.parquet lists it as a near-duplicate" in failing(kept=clean.kept - {key})[name]


def test_near_duplicates_are_searched_among_the_pixels() -> None:
    """One and the same picture of two people; of two views of one performance it would be nothing."""
    one, other = (hashed_image(image) for image in cohort().images[:: len(CLASSES) * FRAMES][:2])
    far = replace(other, hash=np.full(4, 2**64 - 1, np.uint64))
    [row] = alike([one, other, far], CLIPS, 31)
    assert (row["clip"], row["other_clip"], row["distance"]) == (one.clip, other.clip, 0)
    views = [replace(c, subject="S1", expression="happy", take="t") for c in CLIPS]
    assert alike([one, other], views, 31) == []
    assert len(alike([one, other], [], 31)) == 1  # clips that no table knows


def test_a_file_that_nothing_explains() -> None:
    files = [*cohort().files, Path("data/dataset/train/old/S9.parquet")]
    found = failing(files=files)
    assert list(found) == ["no unknown files in the dataset"]
    assert found["no unknown files in the dataset"].startswith("data/dataset/train/old/S9.parquet; check")


# --- DVC ------------------------------------------------------------------------------------------


def status(changes: dict[str, Any], *frozen: str) -> Any:
    return Status(changes, frozen, frozenset({"split", "dataset"}))


CHANGED = {
    "split": [{"changed deps": {"params.yaml": {"split": "modified"}}}, "changed command"],
    "raw/videos.dvc": [{"changed outs": {"raw/videos": "modified"}}],
}


def test_outputs_that_are_out_of_date() -> None:
    assert failing(status=status(CHANGED, "dataset")) == {
        UP_TO_DATE: "dataset: frozen; `dvc unfreeze dataset`; split: params.yaml: split, command changed; "
        "raw/videos.dvc: raw/videos changed; run `dvc repro`"
    }


def test_a_lock_that_the_records_contradict() -> None:
    entry = "frames: frames.fps: 25.0 was used, dvc.lock says 1.0"
    found = failing(records=RecordComparison({entry: ["workspace", "1a2b3c4 (v1)"]}, 9))
    assert found == {
        "outputs made as recorded": f"{entry} (workspace, 1a2b3c4 (v1)); run `dvc repro --force "
        "--single-item STAGE`, then `dvc repro`; for older commits, use --since"
    }


def test_versions_without_records_are_noted() -> None:
    finding = records.made_as_recorded(RecordComparison(compared=1, before=["v1", "v2"], absent=["v3"]))
    assert (finding.ok, finding.detail) == (
        True,
        "1 record compared with dvc.lock; 2 versions were made before emo kept records; records of v3 are "
        "not here; `dvc fetch --all-commits`",
    )


def test_what_never_ran_or_is_not_here_is_told() -> None:
    changes = {
        "train": [{"changed deps": {"data/dataset": "modified"}}, {"changed outs": {"models": "deleted"}}],
        "split": [{"changed deps": {"data/faces": "deleted"}}],
    }
    finding = outputs.up_to_date(status(changes))
    assert (finding.ok, finding.detail) == (True, "as dvc.lock says; never run: train; not here: data/faces")
    code = {"split": [{"changed deps": {"pipeline/stages/split.py": "deleted"}}]}
    assert not outputs.up_to_date(status(code)).ok


def test_a_stage_that_was_taken_out_of_the_pipeline() -> None:
    assert outputs.up_to_date(Status({}, missing=("dedup",))).detail == (
        "dedup: not in dvc.yaml; `git checkout dvc.yaml`; run `dvc repro`"
    )


def test_a_change_of_which_dvc_is_not_told() -> None:
    """A dependency was taken out of dvc.yaml; dvc.lock still has its digest."""
    unlike = ("pipeline/stages/dedup.py",)
    assert outputs.up_to_date(Status({}, unlike=unlike)).detail == (
        "pipeline/stages/dedup.py: changed, but not listed in dvc.yaml; `git checkout dvc.yaml`; run `dvc "
        "repro`"
    )
    stale = {"dedup": [{"changed deps": dict.fromkeys(unlike, "modified")}]}
    told = outputs.up_to_date(Status(stale, run=frozenset({"dedup"}), unlike=unlike)).detail
    assert told == "dedup: pipeline/stages/dedup.py changed; run `dvc repro`"


def test_an_output_that_was_made_anew_since_a_stage_read_it_and_no_longer_depends_on_it() -> None:
    lock = {"faces": StageLock(outs={"data/faces": "2"}), "dedup": StageLock(deps={"data/faces": "1"})}
    assert list(outputs.remade(lock, {"dedup": {"deps": None}})) == ["data/faces"]
    assert list(outputs.remade(lock, {"dedup": {"deps": ["data/faces"]}})) == []  # DVC tells of it
    assert list(outputs.remade(lock | {"dedup": StageLock(deps={"data/faces": "2"})}, {})) == []


def test_outputs_that_dvc_did_not_make() -> None:
    changes = {"train": [{"changed outs": {"models": "not in cache", "reports/history.csv": "deleted"}}]}
    assert failing(status=status(changes)) == {
        UP_TO_DATE: "train: made by hand, or the stage failed; run `dvc repro`"
    }


def test_a_gate_that_failed_is_called_so(tmp_path: Path) -> None:
    changes = {"audit": [{"changed outs": {"reports/audit.json": "new"}}]}
    finding = outputs.up_to_date(Status(changes, gate_failed=True))
    assert finding.detail == "audit: the gate failed; see its checks above; run `dvc repro`"
    report = tmp_path / "audit.json"
    assert not outputs.gate_failed(report)
    for text, failed in (('{"ok": false}', True), ('{"ok": true}', False), ("[]", False), ("no JSON", False)):
        report.write_text(text)
        assert outputs.gate_failed(report) is failed


def test_outputs_that_only_the_cache_lacks_are_told() -> None:
    changes = {"dataset": [{"changed outs": {"data/dataset": "not in cache"}}]}
    finding = outputs.up_to_date(status(changes))
    assert (finding.ok, finding.detail) == (True, "as dvc.lock says; not in DVC's cache: data/dataset")


def test_a_frozen_import_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {a: {cmd: a}, b: {cmd: b, frozen: true}}\n")
    (tmp_path / "raw/imported.dvc").write_text("frozen: true\ndeps: [{path: x}]\nouts: [{path: y}]\n")
    (tmp_path / "raw/videos.dvc").write_text("frozen: true\nouts: [{path: videos}]\n")
    assert list(outputs.frozen(tmp_path)) == ["b", "raw/videos.dvc"]


def test_files_of_dvc_that_hold_nothing_freeze_nothing(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "dvc.yaml").write_text("")
    (tmp_path / "raw/videos.dvc").write_text("[1]")
    assert list(outputs.frozen(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "part", "told"),
    [
        ("raw/videos.dvc", "tracked", "line 2: not valid YAML: "),
        ("data/frames/S1_happy.parquet", "pieces", "not a readable Parquet file; remove it and run"),
        (
            ".emo/withdrawals/S1.json",
            "withdrawn",
            "not valid JSON; remove it and rerun `emo withdraw S1 --yes`",
        ),
    ],
)
def test_a_damaged_file_is_told_in_a_line(
    name: str, part: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    enrol(PEOPLE, CLIPS)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("<<<<<<< HEAD\nouts: [")
    with pytest.raises(EmoError, match=f"^{name}: {told}"):
        getattr(Evidence(deep=False, since=None, ask_dvc=lambda: Status({})), part)


# --- The whole ------------------------------------------------------------------------------------


def test_many_faults_are_cut_short() -> None:
    assert verdict([f"fault {n}" for n in range(7)], "", "mend it").detail == (
        "fault 0; fault 1; fault 2; fault 3; fault 4; 2 more; mend it"
    )


def test_an_unknown_check_cannot_be_left_out() -> None:
    with pytest.raises(
        EmoError, match=r"no check is named 'all'; the checks are: no subject in two splits, "
    ):
        run_audit(skip=["all"])


def test_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmoError, match="nothing is built yet; run `dvc repro`"):
        run_audit()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/split.csv").touch()
    with pytest.raises(EmoError, match=r"^data/dataset, .*: missing; run `dvc pull` or `dvc repro`"):
        run_audit()


def test_what_cannot_be_checked_is_skipped_with_the_reason() -> None:
    """A stand-in for evidence whose recordings are not here."""
    evidence: Any = SimpleNamespace(processable_clips=CLIPS, lengths={}, tracked=None)
    with pytest.raises(UnavailableError, match=r"raw/videos: missing; `dvc pull raw/videos\.dvc`"):
        CHECKS["recordings present"](evidence)
