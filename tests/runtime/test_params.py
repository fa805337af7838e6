import importlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import SECTIONS, check_choice, check_range, load_params, read_params
from tests.support.making import TOP


@dataclass(frozen=True)
class Inner:
    ratio: float

    def __post_init__(self) -> None:
        check_range("ratio", self.ratio, 0, 1)


@dataclass(frozen=True)
class Example:
    """Every kind of value that params.yaml may hold."""

    count: int
    name: str
    flag: bool
    names: tuple[str, ...]
    limit: float | None
    inner: Inner

    def __post_init__(self) -> None:
        check_choice("name", self.name, ("a", "b"))


GOOD = {
    "count": "3",
    "name": "a",
    "flag": "true",
    "names": "[x, y]",
    "limit": "null",
    "inner": "{ratio: 0.5}",
}


def load(tmp_path: Path, text: str) -> Example:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params("faces", Example, path)


def refused(tmp_path: Path, text: str) -> str:
    """Return the message without the file's name, which it must begin with, in one line."""
    with pytest.raises(EmoError) as caught:
        load(tmp_path, text)
    start = f"{tmp_path / 'params.yaml'}: "
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(start)


def section(**changed: str) -> str:
    return "faces:\n" + "".join(f"  {key}: {value}\n" for key, value in (GOOD | changed).items() if value)


def test_every_kind_of_value(tmp_path: Path) -> None:
    assert load(tmp_path, section(limit="2")) == Example(3, "a", True, ("x", "y"), 2.0, Inner(0.5))
    assert load(tmp_path, section()).limit is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"count": "three"}, "faces: count: expected a whole number, found 'three'"),
        ({"count": "3.0"}, "faces: count: expected a whole number, found 3.0"),
        ({"count": "true"}, "faces: count: expected a whole number, found True"),
        ({"count": "null"}, "faces: count: expected a whole number, found None"),
        ({"flag": "1"}, "faces: flag: expected true or false, found 1"),
        ({"name": "c"}, "faces: name: 'c' is not one of a, b"),
        ({"name": "1"}, "faces: name: expected a text, found 1"),
        ({"names": "x"}, "faces: names: expected a list, found 'x'"),
        ({"names": "[x, 1]"}, "faces: names: expected a text, found 1"),
        ({"limit": "false"}, "faces: limit: expected a number, found False"),
        ({"inner": "0.5"}, "faces: inner: expected keys and values, found 0.5"),
        ({"inner": "{ratio: 1.5}"}, "faces: inner: ratio: 1.5 is not within 0..1"),
        ({"inner": "{ratio: .nan}"}, "faces: inner: ratio: nan is not within 0..1"),
        ({"inner": "{ratio: .inf}"}, "faces: inner: ratio: inf is not within 0..1"),
        ({"inner": "{ratio: 1" + "0" * 400 + "}"}, "faces: inner: ratio: inf is not within 0..1"),
        ({"inner": "{ratio: 0.5, ratios: 1}"}, "faces: inner: unknown key: ratios; the keys are ratio"),
        ({"inner": "{}"}, "faces: inner: missing key: ratio"),
        ({"count": ""}, "faces: missing key: count"),
        ({"min_neighbours": "5"}, "faces: unknown key: min_neighbours; the keys are count, name, flag, "
         "names, limit, inner"),
        # YAML 1.1 takes a number for one only with a point and a signed exponent.
        ({"limit": "1e-4"}, "faces: limit: YAML takes 1e-4 for a text; write it as 0.0001 or with a point "
         "and a sign, as in 1.0e-4"),
    ],
)  # fmt: skip
def test_one_line_says_what_is_wrong_where(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    assert refused(tmp_path, section(**changed)) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected sections such as `frames:`, found None"),
        ("- 1\n", "expected sections such as `frames:`, found [1]"),
        ("faces: 1\n", "faces: expected keys and values, found 1"),
        ("faces:\n", "faces: expected keys and values, found None"),
        ("split: {}\n", "missing section: faces"),
        ("7: {}\nface: {}\n", "unknown section: 7; the sections are frames, faces, dedup, split, "
         "dataset, train, evaluate"),
        ("faces: [\n", "line 2: not valid YAML: expected the node content, but found '<stream end>'"),
        ("faces:\n\tcount: 1\n", "line 2: not valid YAML: found character '\\t' that cannot start any token"),
        ("faces: {}\nsplit: {}\nfaces: {}\n", "line 3: not valid YAML: faces stands twice"),
        ("faces:\n  count: 1\n  count: 2\n", "line 3: not valid YAML: count stands twice"),
    ],
)  # fmt: skip
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text) == message


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(EmoError, match="no such file; restore it"):
        load_params("faces", Example, tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_bytes("faces: {}  # é".encode("latin-1"))
    with pytest.raises(EmoError, match="not UTF-8"):
        load_params("faces", Example, tmp_path / "params.yaml")


def test_all_sections_as_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("split: {seed: 4}\nfaces: {crop: {margin: 0.5}}\n")
    assert read_params(path) == {"split": {"seed": 4}, "faces": {"crop": {"margin": 0.5}}}
    path.write_text("splits: {seed: 4}\n")
    with pytest.raises(EmoError, match="unknown section: splits; the sections are frames"):
        read_params(path)


@pytest.mark.parametrize("name", SECTIONS)
def test_the_params_of_this_project_load(name: str) -> None:
    module = importlib.import_module(f"pipeline.stages.{name}")
    load_params(name, getattr(module, f"{name.capitalize()}Params"), TOP / "params.yaml")
