import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset.near_duplicates import search
from pipeline.faces import perceptual_hash as phash

DISTANCE = 31


def random_hashes(n: int, clusters: int, seed: int) -> np.ndarray:
    """Hashes within a few flipped bits of some centres; with ``clusters = 0``, uniform ones."""
    rng = np.random.default_rng(seed)
    if clusters == 0:
        return rng.integers(0, 2**64, (n, phash.WORDS), np.uint64)
    centres = rng.integers(0, 2**64, (clusters, phash.WORDS), np.uint64)
    flipped = np.packbits(rng.random((n, phash.BITS)) < rng.choice([0, 0.03, 0.1]), axis=1)
    return centres[rng.integers(0, clusters, n)] ^ flipped.view(np.uint64)


def brute_force(hashes: np.ndarray, max_distance: int) -> tuple[np.ndarray, ...]:
    distance = phash.hamming(hashes[:, None], hashes[None])
    i, j = np.nonzero(np.triu(distance <= max_distance, 1))
    return i, j, distance[i, j]


@given(
    n=st.integers(0, 60),
    clusters=st.integers(0, 4),
    max_distance=st.sampled_from([0, 1, 5, 15, 16, 24, 31, 32, 40, 64, 90, 256]),
    subjects=st.integers(0, 5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_near_pairs_equal_brute_force(
    n: int, clusters: int, max_distance: int, subjects: int, seed: int
) -> None:
    hashes = random_hashes(n, clusters, seed)
    groups = np.random.default_rng(seed).integers(0, subjects, n) if subjects else None
    i, j, distance = brute_force(hashes, max_distance)
    wanted = np.ones(len(i), bool) if groups is None else groups[i] != groups[j]
    found = search.near_pairs(hashes, max_distance, groups=groups)
    np.testing.assert_array_equal(found, (i[wanted], j[wanted], distance[wanted]))


@pytest.mark.parametrize("max_distance", [3, 20, 31, 37, 64])
@pytest.mark.parametrize("visit_ns", [0, 300, 1e12])
def test_every_size_of_block_is_exact(
    visit_ns: float, max_distance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If blocks cost nothing, they are split as far as possible; if they cost very much, never."""
    monkeypatch.setattr(search, "_VISIT_NS", visit_ns)
    hashes = random_hashes(1000, 30, seed=1)
    found = search.near_pairs(hashes, max_distance)
    expected = brute_force(hashes, max_distance)
    assert len(expected[0]) > 10
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("visit_ns", [0, 300, 20_000, 1e12])
def test_blocks_hold_every_key_once(visit_ns: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_VISIT_NS", visit_ns)
    keys = np.random.default_rng(5).integers(0, 2**16, 3000) & 0xFF0F
    counts = np.bincount(keys, minlength=2**16)
    covered = np.zeros(2**16, int)
    for depth, leaves in search._leaves(counts, 1):
        covered.reshape(2**depth, -1)[leaves] += 1
    assert (covered[keys] == 1).all()
    assert covered.max() == 1


def test_small_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = random_hashes(300, 3, seed=2)
    whole = search.near_pairs(hashes, DISTANCE)
    for name in ("_BLOCK", "_BATCH_PAIRS", "_BATCH_COLUMNS", "_BATCH_ROWS"):
        monkeypatch.setattr(search, name, 7)
    np.testing.assert_array_equal(search.near_pairs(hashes, DISTANCE), whole)


def test_the_number_of_workers_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = random_hashes(500, 5, seed=6)
    found = []
    for workers in ("1", "3"):
        monkeypatch.setenv("EMO_WORKERS", workers)
        found.append(search.near_pairs(hashes, DISTANCE))
    assert len(found[0][0]) > 10
    np.testing.assert_array_equal(*found)


def test_groups_keep_only_pairs_across() -> None:
    hashes = random_hashes(200, 3, seed=3)
    groups = np.arange(200) % 4
    i, j, distance = brute_force(hashes, DISTANCE)
    across = groups[i] != groups[j]
    found = search.near_pairs(hashes, DISTANCE, groups=groups)
    np.testing.assert_array_equal(found, (i[across], j[across], distance[across]))


@given(n=st.integers(0, 40), clusters=st.integers(0, 3), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_representatives_are_the_sharpest_of_what_is_near(n: int, clusters: int, seed: int) -> None:
    hashes = random_hashes(n, clusters, seed)
    sharpness = np.random.default_rng(seed).random(n)
    representative = search.representatives(hashes, sharpness, DISTANCE)
    kept = np.flatnonzero(representative == np.arange(n))
    assert set(representative) == set(kept)
    assert (phash.hamming(hashes, hashes[representative]) <= DISTANCE).all()
    assert (sharpness[representative] >= sharpness).all()
    assert len(search.near_pairs(hashes[kept], DISTANCE)[0]) == 0


@given(clusters=st.integers(0, 3), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_representatives_do_not_depend_on_the_order(clusters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hashes, sharpness = random_hashes(40, clusters, seed), rng.permutation(40)
    shuffle = rng.permutation(40)
    # Of equally near representatives the sharper one is chosen; no two items are equally sharp.
    straight = search.representatives(hashes, sharpness, DISTANCE)
    shuffled = search.representatives(hashes[shuffle], sharpness[shuffle], DISTANCE)
    np.testing.assert_array_equal(shuffle[shuffled], straight[shuffle])


def test_ties_of_sharpness_go_to_the_lower_index() -> None:
    hashes = np.zeros((3, phash.WORDS), np.uint64)
    assert search.representatives(hashes, np.array([1.0, 2.0, 2.0]), 0).tolist() == [1, 1, 1]
