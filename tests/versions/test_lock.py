"""What a damaged dvc.lock is told as."""

import pytest

from pipeline.runtime.errors import EmoError
from pipeline.versions.dvc_lock import read_length, read_lock


@pytest.mark.parametrize("text", ["{", "[" * 5000, "\ufffd\x00", "a: 2020-99-99", "a: b: c"])
def test_what_is_no_yaml_is_told_in_a_line(text: str) -> None:
    with pytest.raises(EmoError, match=r"^v1: dvc\.lock: not valid YAML; restore it with `git checkout`$"):
        read_lock(text, "v1: dvc.lock")


def test_entries_of_another_form_are_left_out() -> None:
    text = "stages: {one: {outs: [1, text, {md5: a}, {path: x, md5: b}], deps: 3, params: []}, two: 4}"
    found = read_lock(text, "dvc.lock")
    assert found["one"].outs == {"x": "b"}
    assert found["two"].outs == found["two"].params == {}


def test_small_settings_are_numbers_as_dvc_writes_them() -> None:
    """DVC writes YAML 1.2, without a point, and quotes what is a text."""
    text = "stages: {train: {params: {params.yaml: {train: {a: 1e-05, b: -2.5e-06, c: '1e5', d: 4e}}}}}"
    assert read_lock(text, "dvc.lock")["train"].params == {
        "train.a": 1e-05, "train.b": -2.5e-06, "train.c": "1e5", "train.d": "4e"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("outs: [{path: x, size: 9}]", 9),
        ("outs: [{path: x}]", None),
        ("", None),
        ("[1]", None),
        ("outs: x", None),
    ],
)
def test_the_length_of_an_output_or_none(text: str, length: int | None) -> None:
    assert read_length(text, "raw/videos.dvc") == length
