"""Frames with their boxes, and strips of clips: their sizes, colours and positions."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.versions.trace.strips import COLOURS, PAPER, Cell, annotated_frame, cell, save_picture, strip

LEGEND = {"image": "image (1)"}


def plain(width: int = 320, height: int = 240, grey: int = 90) -> np.ndarray:
    return np.full((height, width, 3), grey, np.uint8)


def cells(count: int, **extent: int) -> list[Cell]:
    return [cell(plain(**extent), None, "image", ("0.00 s", "image")) for _ in range(count)]


def where(image: Image.Image, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the pixels of a colour."""
    rows, columns = np.nonzero((np.asarray(image) == colour).all(axis=2))
    return rows, columns


def test_a_box_is_around_the_face_and_hides_none_of_it() -> None:
    drawn = np.asarray(annotated_frame(plain(), (100, 60, 80, 90), "no_face", ()))
    # Two pixels of the colour beside a light line on the face's edge, dark beyond.
    assert (drawn[60:150, [98, 99, 180, 181]] == COLOURS["no_face"]).all()
    assert (drawn[60:150, [100, 179]] == PAPER).all()
    assert (drawn[61:149, 101:179] == 90).all()


def test_a_caption_is_below_the_frame_and_is_broken() -> None:
    short = annotated_frame(plain(), None, "image", ("one",))
    long = annotated_frame(plain(), None, "image", ("one " * 60, "W" * 90))
    assert (np.asarray(short)[:240] == 90).all()
    assert short.width == long.width == 320
    assert long.height > short.height > 240
    dark = np.asarray(long.convert("L"))[250:]
    assert (dark[:, -8:] == 255).all()  # no letter beyond the edge


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (6, 6, 1), (7, 4, 2), (11, 6, 2), (13, 5, 3)]
)
def test_rows_are_about_equally_long(count: int, columns: int, rows: int) -> None:
    sheet = strip(("clip", "about it"), cells(count), {})
    row, column = where(sheet, COLOURS["image"])
    assert len(runs(column)) == columns
    assert len(runs(row)) == rows


def test_a_long_title_or_legend_widens_the_strip() -> None:
    for title, legend in (
        (("W" * 64, ""), {}),
        (("a", "/".join("W" * 128)), {}),
        (("a",), dict.fromkeys(COLOURS, "W" * 20)),
    ):
        sheet = strip(title, cells(1), legend)
        assert sheet.width > 1100
        assert (np.asarray(sheet)[:, -16:] == 255).all()  # no letter beyond the edge


def runs(values: np.ndarray) -> list[int]:
    """Return the first values of stretches without a gap."""
    there = np.unique(values)
    return [int(value) for value in there if value - 1 not in there]


def test_every_cell_has_an_edge_in_the_colour_of_its_outcome() -> None:
    drawn = [cell(plain(), None, outcome, ("0.00 s", outcome)) for outcome in COLOURS]
    sheet = strip(("clip",), drawn, {})
    # 236 x 180 px with an edge of 6: the frame of 224 x 168 is not covered.
    edge = 236 * 180 - 224 * 168
    assert [len(where(sheet, colour)[0]) >= edge for colour in COLOURS.values()] == [True] * len(COLOURS)
    assert len(where(sheet, COLOURS["blurred"])[0]) == edge


def test_boxes_shrink_with_the_frame() -> None:
    small = cell(plain(640, 480), (320, 240, 160, 120), "duplicate", ("", "")).image
    rows, columns = where(small, COLOURS["duplicate"])
    assert small.size == (224, 168)
    assert (columns.min(), columns.max()) == (110, 169)  # 112 .. 168, two pixels on either side
    assert (rows.min(), rows.max()) == (82, 127)


def test_upright_frames_and_no_frame_at_all() -> None:
    sheet = strip(("clip",), cells(2, width=120, height=240), LEGEND)
    left, right = runs(where(sheet, (90, 90, 90))[1])
    assert right - left == 224 * 3 // 4 + 2 * 6 + 14  # room for the text below
    assert strip(("clip",), [], LEGEND).width > 400


def test_long_text_is_cut() -> None:
    item = cell(plain(), None, "image", ("0.00 s", "duplicate of " + "x" * 99))
    sheet = np.asarray(strip(("clip",), [item, item], {}).convert("L"))
    assert (sheet[-40:, 20 + 236 + 1 : 20 + 236 + 13] == 255).all()  # the gap between two cells


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.JPEG", "JPEG")])
def test_files_have_the_format_of_their_suffix_and_equal_bytes(tmp_path: Path, name: str, kind: str) -> None:
    sheet = strip(("clip",), cells(2), LEGEND)
    for folder in ("one", "two"):
        save_picture(sheet, tmp_path / folder / name)
    assert Image.open(tmp_path / "one" / name).format == kind
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_note_is_plain_text_in_the_file(tmp_path: Path) -> None:
    sheet = strip(("clip",), cells(2), LEGEND)
    for name in ("a.png", "a.jpg"):
        save_picture(sheet, tmp_path / name, "emo-subject:S1;")
        assert b"emo-subject:S1;" in (tmp_path / name).read_bytes()
        save_picture(sheet, tmp_path / f"no_{name}")
        assert b"emo" not in (tmp_path / f"no_{name}").read_bytes()[:2000]
    assert Image.open(tmp_path / "a.png").text == {"emo": "emo-subject:S1;"}  # type: ignore[attr-defined]
    assert Image.open(tmp_path / "a.jpg").info["comment"] == b"emo-subject:S1;"
