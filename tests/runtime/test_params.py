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
    """Return the one line of the error without the file, with which it must begin."""
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
    ("changed", "key", "value"),
    [
        ({"count": "three"}, "count", "'three'"),
        ({"count": "3.0"}, "count", "3.0"),
        ({"count": "true"}, "count", "True"),
        ({"count": "null"}, "count", "None"),
        ({"flag": "1"}, "flag", "1"),
        ({"name": "c"}, "name", "'c' is not one of a, b"),
        ({"name": "1"}, "name", "1"),
        ({"names": "x"}, "names", "'x'"),
        ({"names": "[x, 1]"}, "names", "1"),
        ({"limit": "false"}, "limit", "False"),
        ({"inner": "0.5"}, "inner", "0.5"),
        ({"inner": "{ratio: 1.5}"}, "inner: ratio", "1.5 is not within 0..1"),
        ({"inner": "{ratio: .nan}"}, "inner: ratio", "nan is not within 0..1"),
        ({"inner": "{ratio: .inf}"}, "inner: ratio", "inf is not within 0..1"),
        ({"inner": "{ratio: 1" + "0" * 400 + "}"}, "inner: ratio", "inf is not within 0..1"),
        ({"inner": "{ratio: 0.5, ratios: 1}"}, "inner", "ratios; the keys are ratio"),
        ({"inner": "{}"}, "inner", "ratio"),
        ({"count": ""}, "missing key", "count"),
        ({"min_neighbours": "5"}, "unknown key", "min_neighbours; the keys are count, name, flag, names"),
        # YAML 1.1 reads a number only with a decimal point and a signed exponent.
        ({"limit": "1e-4"}, "limit", "1e-4 as text; write it as 0.0001"),
    ],
)
def test_one_line_names_key_and_value(tmp_path: Path, changed: dict[str, str], key: str, value: str) -> None:
    message = refused(tmp_path, section(**changed))
    assert message.startswith(f"faces: {key}: ")
    assert value in message


@pytest.mark.parametrize(
    ("text", "where", "value"),
    [
        ("", "expected sections", "None"),
        ("- 1\n", "expected sections", "[1]"),
        ("faces: 1\n", "faces: ", "1"),
        ("faces:\n", "faces: ", "None"),
        ("split: {}\n", "missing section: ", "faces"),
        ("7: {}\nface: {}\n", "unknown section: 7", "frames, faces, dedup, split"),
        ("faces: [\n", "line 2: not valid YAML: ", "<stream end>"),
        ("faces:\n\tcount: 1\n", "line 2: not valid YAML: ", "'\\t'"),
        ("faces: {}\nsplit: {}\nfaces: {}\n", "line 3: not valid YAML: ", "duplicate key faces"),
        ("faces:\n  count: 1\n  count: 2\n", "line 3: not valid YAML: ", "duplicate key count"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, where: str, value: str) -> None:
    message = refused(tmp_path, text)
    assert message.startswith(where)
    assert value in message


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
