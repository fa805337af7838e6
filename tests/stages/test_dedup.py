from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.near_duplicates.collapse import DedupParams, find_duplicates, find_near_pairs
from pipeline.dataset.near_duplicates.hashed_faces import HashedFace
from pipeline.runtime.parquet import read_parquet
from pipeline.schema.duplicates import DUPLICATES_SCHEMA, NEAR_PAIRS_SCHEMA
from pipeline.stages import dedup
from tests.support.making import clip, enrol, person, set_params
from tests.support.shards import face_rows, write_face_shard


def face(
    bits: int, frame: int = 0, sharpness: float = 1.0, *, is_image: bool = False, **values: str
) -> HashedFace:
    """Return a face whose hash has its first `bits` bits set; the distance of two is |a - b|."""
    number = (1 << bits) - 1
    words = np.array([(number >> shift) & (2**64 - 1) for shift in (0, 64, 128, 192)], np.uint64)
    plain = {"subject": "S1", "expression": "happy", "take": "t1", "clip": "c1"} | values
    return HashedFace(**plain, frame=frame, sharpness=sharpness, hash=words, is_image=is_image)


def kept(faces: list[HashedFace], distance: int, *, collapse: bool = True) -> list[tuple[str, int]]:
    params = DedupParams(distance, collapse=collapse)
    return [(item.face.clip, item.face.frame) for item in find_duplicates(faces, params) if item.kept]


def test_the_sharpest_of_a_performance_represents_its_near_duplicates() -> None:
    faces = [face(0, 0, 1.0), face(3, 1, 9.0), face(6, 2, 2.0), face(100, 3, 1.0)]
    collapsed = find_duplicates(faces, DedupParams(5, collapse=True))
    assert [(item.face.frame, item.representative.frame) for item in collapsed] == [
        (0, 1),
        (1, 1),
        (2, 1),
        (3, 3),
    ]


def test_a_performance_has_one_subject_one_expression_and_one_take() -> None:
    for other in ({"subject": "S2"}, {"expression": "sad"}, {"take": "t2"}):
        assert kept([face(0, 0), face(1, 1, **other)], 5) == [("c1", 0), ("c1", 1)]
    views = [face(0, 0), face(1, 0, clip="c2", sharpness=2.0)]  # two views of one performance
    assert kept(views, 5) == [("c2", 0)]


def test_without_collapse_all_stay_and_zero_collapses_only_equal_ones() -> None:
    faces = [face(0, 0), face(0, 1), face(1, 2)]
    assert len(kept(faces, 5, collapse=False)) == 3
    assert len(kept(faces, 0)) == 2
    assert find_duplicates([], DedupParams(5, collapse=True)) == []


def test_images_without_a_subject_collapse_whatever_their_labels_but_not_with_participants() -> None:
    alone = [
        face(0, clip="i1", subject="i1", is_image=True),
        face(1, clip="i2", subject="i2", expression="sad", sharpness=2.0, is_image=True),
        face(90, clip="i3", subject="i3", is_image=True),
        face(2, clip="c1"),
    ]
    assert kept(alone, 5) == [("c1", 0), ("i2", 0), ("i3", 0)]
    near = find_near_pairs([alone[1], alone[3]], 5)
    assert [(a.clip, b.clip, across) for a, b, _, across in near] == [("i2", "c1", "subject")]
    assert len(find_near_pairs(alone[:2], 5)) == 1  # if nothing is collapsed, the pair is recorded


def test_the_order_of_the_faces_does_not_matter() -> None:
    apart = enumerate((0, 4, 8, 50, 52, 200))
    faces = [face(bits, frame, sharpness=float(frame % 3)) for frame, bits in apart]
    assert kept(faces, 6) == kept(faces[::-1], 6)


def test_near_pairs_name_what_differs_first() -> None:
    faces = [
        face(0, 0),
        face(1, 1, subject="S2", expression="sad", take="t2", clip="c2"),
        face(60, 2),
        face(61, 3, expression="sad", take="t3", clip="c3"),
        face(120, 4),
        face(121, 5, take="t4", clip="c4"),
        face(180, 6),
        face(181, 7),  # of one performance: left to `find_duplicates`
    ]
    pairs = find_near_pairs(faces, 5)
    assert [(a.frame, b.frame, distance, across) for a, b, distance, across in pairs] == [
        (0, 1, 1, "subject"),
        (2, 3, 1, "label"),
        (4, 5, 1, "take"),
    ]
    assert find_near_pairs([], 5) == []


def test_ranges_of_the_params() -> None:
    for value in (-1, 65):
        with pytest.raises(ValueError, match=r"max_distance: .* is not within 0\.\.64"):
            DedupParams(value, collapse=True)


def test_the_stage_writes_both_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clip a has one face twice; clip b, of another subject, has it again."""
    monkeypatch.chdir(tmp_path)
    set_params()
    enrol([person("S1"), person("S2", enrolled=2)], [clip("a"), clip("b", subject="S2"), clip("gone")])
    write_face_shard("a", face_rows([1, 1, None, 2]))
    write_face_shard("b", face_rows([1]))
    dedup.main()
    rows = read_parquet(Path("data/duplicates.parquet"), DUPLICATES_SCHEMA).to_pylist()
    assert [(r["clip"], r["frame"], r["kept"], r["duplicate_of"], r["distance"]) for r in rows] == [
        ("a", 0, True, None, None),
        ("a", 1, False, "a_000000.png", 0),
        ("a", 3, True, None, None),
        ("b", 0, True, None, None),
    ]
    assert all(len(row["hash"]) == 32 for row in rows)
    pairs = read_parquet(Path("data/near_pairs.parquet"), NEAR_PAIRS_SCHEMA).to_pylist()
    names = ("clip", "other_clip", "distance", "across")
    assert [tuple(pair[name] for name in names) for pair in pairs] == [("a", "b", 0, "subject")]
    before = Path("data/duplicates.parquet").read_bytes()
    dedup.main()
    assert Path("data/duplicates.parquet").read_bytes() == before


def test_a_small_distance_hides_no_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting determines what collapses, not which pairs the audit checks."""
    monkeypatch.chdir(tmp_path)
    set_params(dedup={"max_distance": 4})
    enrol([person("S1"), person("S2", enrolled=2)], [clip("a"), clip("b", subject="S2")])
    [copy] = face_rows([1])
    word = int.from_bytes(copy["hash"], "little") ^ (2**31 - 1)  # 31 bits away
    write_face_shard("a", face_rows([1]))
    write_face_shard("b", [copy | {"hash": word.to_bytes(32, "little")}])
    dedup.main()
    [pair] = read_parquet(Path("data/near_pairs.parquet"), NEAR_PAIRS_SCHEMA).to_pylist()
    assert (pair["distance"], pair["across"]) == (31, "subject")
    assert DedupParams(40, collapse=True).pair_distance == 40
