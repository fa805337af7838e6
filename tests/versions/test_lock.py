"""dvc.lock, .dvc files and the MD5 of folders, as DVC writes them."""

from pathlib import Path

import pytest

from pipeline.runtime.dvc_hash import folder_md5
from pipeline.runtime.errors import EmoError
from pipeline.versions.dvc_lock import read_length, read_lock


@pytest.mark.parametrize("text", ["{", "[" * 5000, "\ufffd\x00", "a: 2020-99-99", "a: b: c"])
def test_invalid_yaml_is_an_error_of_one_line(text: str) -> None:
    with pytest.raises(EmoError, match=r"^v1: dvc\.lock: .+; restore it with `git checkout`$"):
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


def test_params_of_a_section_and_of_a_whole_file_are_flattened() -> None:
    """DVC writes `faces.haar: {...}` for a dotted key of dvc.yaml, and nested values for a section."""
    for params in ("{faces.haar: {min_score: 4.0}}", "{faces: {haar: {min_score: 4.0}}}"):
        stage = read_lock(f"stages: {{faces: {{params: {{params.yaml: {params}}}}}}}", "dvc.lock")["faces"]
        assert stage.params == {"faces.haar.min_score": 4.0}
        assert stage.section("faces") == {"haar": {"min_score": 4.0}}


def test_code_is_the_folders_and_files_of_the_package() -> None:
    deps = "[{path: data/faces, md5: 1.dir}, {path: pipeline/runtime, md5: 2.dir}, {path: raw/x.csv, md5: 3}]"
    assert read_lock(f"stages: {{dedup: {{deps: {deps}}}}}", "dvc.lock")["dedup"].code == {
        "pipeline/runtime": "2.dir"
    }


def test_a_folder_has_the_md5_that_dvc_gives_it(tmp_path: Path) -> None:
    for text, name in enumerate(("S1.parquet", "S-10.parquet", "S10.parquet", "sub/x"), 1):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(str(text))
    assert folder_md5(tmp_path) == "e321f0554b4244b33ddee3212417f770.dir"  # as `dvc add` said
