"""Contact sheets of the dataset, and the funnel."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.figures.face_sheets import face_sheets
from pipeline.figures.funnel import funnel_figure
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.parquet import write_parquet
from pipeline.schema.dataset import dataset_schema, shard_path

CLASSES = ("happy", "sad")


def write_subject(folder: Path, split: str, subject: str, images: int) -> None:
    """Write a shard of `images` happy faces: plain squares, brighter from frame to frame."""
    rows = [
        {
            "image": {"bytes": encode_png(np.full((32, 32), 60 + frame, np.uint8)), "path": f"{frame}.png"},
            "label": 0,
            "subject": subject,
            "clip": "c",
            "frame": frame,
            "time_s": frame / 5,
        }
        for frame in range(images)
    ]
    table = pa.Table.from_pylist(rows, schema=dataset_schema(CLASSES))
    write_parquet(shard_path(split, subject, folder), table)


def test_a_row_of_up_to_eight_faces_per_subject(tmp_path: Path) -> None:
    write_subject(tmp_path / "data", "train", "S1", 80)
    write_subject(tmp_path / "data", "test", "S2", 3)
    face_sheets(tmp_path / "data", tmp_path / "sheets", CLASSES)
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["happy.png", "sad.png"]
    sheet = np.asarray(Image.open(tmp_path / "sheets" / "happy.png"))
    assert sheet.ndim == 2
    # Cells of 72 pixels every 76, from 150 on, below a head of 40: sampled at their centres.
    first, second = ([int(sheet[76 + row * 76, 186 + n * 76]) for n in range(8)] for row in range(2))
    assert first == [60 + n * 10 for n in range(8)]  # spread evenly over the 80
    assert second == [60, 61, 62, 255, 255, 255, 255, 255]


def test_colours_are_shown(tmp_path: Path) -> None:
    blue = encode_png(np.full((32, 32, 3), (200, 40, 10), np.uint8))  # BGR
    row = {"image": {"bytes": blue, "path": "0.png"}, "label": 0, "subject": "S1", "clip": "c", "frame": 0}
    table = pa.Table.from_pylist([row | {"time_s": 0.0}], schema=dataset_schema(CLASSES))
    write_parquet(shard_path("train", "S1", tmp_path / "data"), table)
    face_sheets(tmp_path / "data", tmp_path / "sheets", CLASSES)
    assert Image.open(tmp_path / "sheets" / "happy.png").getpixel((186, 76)) == (10, 40, 200)


def test_more_subjects_than_a_page_holds(tmp_path: Path) -> None:
    for number in range(41):
        write_subject(tmp_path / "data", "train", f"S{number:02d}", 1)
    face_sheets(tmp_path / "data", tmp_path / "sheets", CLASSES)
    names = sorted(path.name for path in (tmp_path / "sheets").iterdir())
    assert names == ["happy-2.png", "happy.png", "sad-2.png", "sad.png"]


COUNTS = {"sampled": 100, "no_face": 10, "blurred": 0, "images": 90}


@pytest.mark.parametrize("counts", [COUNTS, dict.fromkeys(COUNTS, 0)])
def test_the_funnel_is_drawn_the_same_again(tmp_path: Path, counts: dict[str, int]) -> None:
    for name in ("a.png", "b.png"):
        funnel_figure(counts, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert Image.open(tmp_path / "a.png").size[0] > 400
