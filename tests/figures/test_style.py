"""The style of all figures: saving, text that is cut, and colours."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.figures.style import (
    FORMATS,
    STATUS_COLOURS,
    cut_end,
    cut_middle,
    font,
    new_figure,
    rgb,
    save_figure,
    save_image,
    style_axes,
    wrapped,
)
from pipeline.runtime.errors import EmoError
from pipeline.schema.faces import STATUSES

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_figure_gives_the_same_bytes_in_every_format(tmp_path: Path, kind: str) -> None:
    paths = [tmp_path / f"{name}.{kind}" for name in ("a", "b")]
    for path in paths:
        figure = new_figure(3, 2)
        axes = figure.subplots()
        axes.plot([0, 1], [1, 0], label="line")
        axes.legend()
        style_axes(axes)
        save_figure(figure, path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(SIGNATURES[kind])
    assert b"Date" not in first
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{kind}", f"b.{kind}"]


def test_another_format_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(EmoError, match="format 'gif' is not one of png, svg, pdf"):
        save_figure(new_figure(1, 1), tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_note_is_stored_with_an_image(tmp_path: Path, name: str) -> None:
    image = Image.fromarray(np.full((8, 8, 3), 90, np.uint8))
    save_image(image, tmp_path / name, "emo-subject:S1;")
    assert b"emo-subject:S1;" in (tmp_path / name).read_bytes()
    assert Image.open(tmp_path / name).size == (8, 8)
    save_image(image, tmp_path / name)
    assert b"emo-subject" not in (tmp_path / name).read_bytes()


def test_long_text_is_cut_or_wrapped_to_the_width() -> None:
    text = "participant_042_surprised_take_2"
    for cut in (cut_end(text, 12, 100), cut_middle(text, 12, 100)):
        assert font(12).getlength(cut) <= 100
    assert cut_end(text, 12, 100).endswith("...")
    assert text.startswith(cut_end(text, 12, 100).removesuffix("..."))
    start, end = cut_middle(text, 12, 100).split("..")
    assert text.startswith(start)
    assert text.endswith(end)
    assert cut_end("short", 12, 100) == cut_middle("short", 12, 100) == "short"
    lines = wrapped(f"a {text} b", 12, 100)
    assert all(font(12).getlength(line) <= 100 for line in lines)
    assert "".join(lines).replace(" ", "") == f"a{text}b"
    assert wrapped("a b", 12, 100) == ["a b"]


def test_every_status_has_a_colour_of_its_own() -> None:
    assert set(STATUSES) - {"ok"} <= STATUS_COLOURS.keys()
    assert len({rgb(colour) for colour in STATUS_COLOURS.values()}) == len(STATUS_COLOURS)
    assert rgb("#0072b2") == (0, 114, 178)
