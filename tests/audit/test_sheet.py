"""The pictures of near-duplicate pairs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.audit.checks.near_duplicates import pairs_across
from pipeline.audit.pair_sheet import draw_pairs
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.parquet import write_parquet
from pipeline.schema.dataset import dataset_schema, shard_path
from tests.support.cohort import CLASSES, CLIPS, SPLIT, near
from tests.support.making import clip

SHOWN = frozenset({"S1", "S2", "S9"})
"""Who may be shown."""

SHADES = {"S1_happy": 40, "S1_sad": 90}
"""Grey of all faces of a clip."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with reports/ and the images of two clips in one shard of a dataset."""
    (tmp_path / "reports").mkdir()
    pngs = {name: encode_png(np.full((64, 64), shade, np.uint8)) for name, shade in SHADES.items()}
    rows = [{"clip": c, "frame": n, "image": {"bytes": png}} for c, png in pngs.items() for n in range(80)]
    write_parquet(shard(tmp_path), pa.Table.from_pylist(rows, schema=dataset_schema(CLASSES)))
    return tmp_path


def shard(here: Path) -> Path:
    return shard_path("train", "S1", here)


def draw(here: Path, one: str, other: str, pairs: int) -> list[str]:
    """Draw so many pairs of two clips; return the names of the pages."""
    found = pairs_across(near(one, other, pairs), [*CLIPS, clip("gone", subject="S9")], SPLIT)
    draw_pairs(found, SHOWN, dict.fromkeys((one, other), shard(here)), here / "reports/near_pairs.png")
    return sorted(path.name for path in (here / "reports").iterdir())


def test_both_faces_of_a_pair_stand_side_by_side(here: Path) -> None:
    assert draw(here, "S1_happy", "S1_sad", 1) == ["near_pairs.png"]
    row = np.asarray(Image.open(here / "reports/near_pairs.png").convert("L"))[64 + 70]
    places = [np.flatnonzero(row == shade) for shade in SHADES.values()]
    assert [len(place) for place in places] == [148, 148]
    assert places[0].max() < places[1].min()


def test_many_pairs_go_on_and_old_pages_go(here: Path) -> None:
    assert draw(here, "S1_happy", "S1_sad", 61) == ["near_pairs-2.png", "near_pairs.png"]
    assert draw(here, "S1_happy", "S1_sad", 60) == ["near_pairs.png"]
    assert draw(here, "S1_happy", "S1_sad", 0) == []


def test_a_face_that_is_not_here_leaves_its_place_empty(here: Path) -> None:
    assert draw(here, "S1_happy", "gone", 1) == ["near_pairs.png"]


def test_a_page_bears_the_mark_of_whom_it_shows_and_shows_nobody_else(here: Path) -> None:
    pairs = pairs_across(near("S1_happy", "S1_sad"), CLIPS, SPLIT)
    page = here / "reports/near_pairs.png"
    shards = dict.fromkeys(SHADES, shard(here))
    draw_pairs(pairs, SHOWN, shards, page)
    assert b"tEXtemo\0emo-subject:S1;" in page.read_bytes()
    draw_pairs(pairs, frozenset({"S2"}), shards, page)
    assert b"emo-subject" not in page.read_bytes()
    assert not set(SHADES.values()) & set(np.unique(np.asarray(Image.open(page).convert("L"))[64 + 70]))


def test_a_disk_that_takes_no_picture_changes_no_verdict(here: Path) -> None:
    pairs = pairs_across(near("S1_happy", "S1_sad"), CLIPS, SPLIT)
    page = here / "reports/near_pairs.png"
    page.mkdir()
    told = draw_pairs(pairs, SHOWN, dict.fromkeys(SHADES, shard(here)), page)
    assert told.startswith(f"{page}, which cannot be written: ")


def test_the_worst_come_first() -> None:
    """Across subjects before across labels, then by distance; other takes of one label are left out."""
    rows = [*near("S1_happy", "S1_sad", 2), *near("S1_happy", "S2_happy"), *near("S1_happy", "again")]
    clips = [*CLIPS, clip("again", subject="S1", expression="happy")]
    pairs = pairs_across(rows, clips, SPLIT)
    assert [(pair.other.clip, pair.distance) for pair in pairs] == [
        ("S2_happy", 3),
        ("S1_sad", 3),
        ("S1_sad", 4),
    ]
    assert pairs[1].across == ("expression",)
