"""A stage fails if what it uses changes while it runs, whatever it is; else it stores what it used."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.dvc_hash import file_md5, folder_md5
from pipeline.runtime.errors import EmoError
from pipeline.runtime.loaded_code import AT_START
from pipeline.runtime.params import read_params
from pipeline.runtime.paths import PARAMS, PARTICIPANTS
from pipeline.runtime.stage import run_stage
from pipeline.runtime.stage_record import StageRecord, read_record, record_path, recorded
from pipeline.runtime.stages import STAGES
from pipeline.schema.participants import Participant
from pipeline.stages import split
from tests.support.making import enrol, person

TOP = Path(__file__).resolve().parents[2]
DVC: dict[str, Any] = yaml.safe_load((TOP / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

DEPS = [(stage, dep) for stage in STAGES for dep in DVC[stage]["deps"]]
SETTINGS = [(stage, key) for stage in STAGES for key in DVC[stage]["params"]]

PEOPLE = [person(f"S{n}", enrolled=n, sex="FM"[n % 2]) for n in range(1, 9)]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the dvc.yaml and params.yaml of emo, and a stand-in for every dependency."""
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "params.yaml"):
        Path(name).write_bytes((TOP / name).read_bytes())
    for _, dep in DEPS:
        file = Path(dep) if Path(dep).suffix else Path(dep, "file.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("first\n")
    return tmp_path


def ran(stage: str) -> None:
    """Run a stage that does nothing."""
    with recorded(f"pipeline.stages.{stage}"):
        pass


def refused(stage: str, edit: Callable[[], object]) -> tuple[str, ...]:
    """Run a stage during which `edit` happens; return the lines of its error."""
    with pytest.raises(EmoError) as error, recorded(f"pipeline.stages.{stage}"):
        edit()
    assert not record_path(stage).exists()
    return error.value.lines


def record_of(stage: str) -> StageRecord:
    return read_record(record_path(stage).read_bytes(), "")


def set_value(path: list[str], value: object) -> None:
    """Change one setting, given by its keys."""
    values = yaml.safe_load(PARAMS.read_text())
    section = values
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    PARAMS.write_text(yaml.safe_dump(values))


def first_value(key: str) -> list[str]:
    """Return the keys that lead to the first value of a section, with the templates of dvc.yaml resolved."""
    values = yaml.safe_load(PARAMS.read_text())
    key = key.replace("${faces.detector}", values["faces"]["detector"])
    path = key.replace("${train.recipe}", values["train"]["recipe"]).split(".")
    for part in path:
        values = values[part]
    while isinstance(values, dict):
        path.append(next(iter(values)))
        values = values[path[-1]]
    return path


# --- Each stage, each input -------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "dep"), DEPS)
def test_a_dependency_that_is_edited(stage: str, dep: str) -> None:
    file = Path(dep) if Path(dep).suffix else Path(dep, "file.py")
    tail = f"while the stage {stage} ran; run `dvc repro` again"
    assert refused(stage, lambda: file.write_text("second\n")) == (f"{file}: changed {tail}",)
    ran(stage)
    is_data = Path(dep).is_dir() and not dep.startswith("pipeline")
    expected = None if is_data else folder_md5(Path(dep)) if Path(dep).is_dir() else file_md5(file)
    assert record_of(stage).deps.get(dep) == expected


@pytest.mark.parametrize(("stage", "key"), SETTINGS)
def test_a_setting_that_is_edited(stage: str, key: str) -> None:
    path = first_value(key)
    before = read_params()
    for part in path:
        before = before[part]
    lines = refused(stage, lambda: set_value(path, "edited"))
    name = ".".join(path)
    told = f"params.yaml: {name} changed from {before!r} to 'edited' while the stage {stage} ran"
    assert f"{told}; run `dvc repro` again" in lines
    set_value(path, before)
    ran(stage)
    assert record_of(stage).settings[name] == before


def test_another_recipe_adds_and_removes_settings() -> None:
    lines = refused("train", lambda: set_value(["train", "recipe"], "bncnn"))
    assert lines[0].startswith("params.yaml: train.recipe changed from 'lenet' to 'bncnn' while")
    assert any(line.startswith("params.yaml: train.lenet.maps removed while") for line in lines)
    assert lines[-1].endswith("more errors")


# --- What counts as a change ------------------------------------------------------------------------


def test_settings_of_other_stages_may_be_edited() -> None:
    with recorded("pipeline.stages.frames"):
        set_value(["train", "seed"], 7)
    assert record_of("frames").settings.keys() == {f"frames.{key}" for key in read_params()["frames"]}


def test_settings_that_are_edited_and_put_back_are_not_read() -> None:
    before = PARAMS.read_bytes()
    with recorded("pipeline.stages.frames"):
        set_value(["frames", "fps"], 1.0)
        assert read_params()["frames"]["fps"] == 5.0
        PARAMS.write_bytes(before)
    assert record_of("frames").settings["frames.fps"] == 5.0


def test_a_file_that_is_edited_and_put_back_counts_as_changed() -> None:
    """The stage may have read it in between."""

    def edit() -> None:
        before = PARTICIPANTS.read_bytes()
        PARTICIPANTS.write_bytes(b"other")
        PARTICIPANTS.unlink()
        PARTICIPANTS.write_bytes(before)

    assert refused("split", edit)[0].startswith("raw/participants.csv: changed while the stage split ran")


def test_a_file_that_is_removed() -> None:
    line = "raw/clips.csv: removed while the stage frames ran; run `dvc repro` again"
    assert refused("frames", Path("raw/clips.csv").unlink) == (line,)


def test_a_file_that_is_added_to_code_or_data() -> None:
    for folder in ("pipeline/video", "raw/videos"):
        line = refused("frames", Path(folder, "more.py").touch)
        assert line == (f"{folder}/more.py: added while the stage frames ran; run `dvc repro` again",)


def test_files_that_dvc_ignores_may_change() -> None:
    with recorded("pipeline.stages.frames"):
        Path("pipeline/video/__pycache__").mkdir()
        Path("pipeline/video/__pycache__/a.pyc").touch()
        Path("pipeline/video/.file.py.swp").touch()
    assert record_path("frames").is_file()


def test_code_that_was_edited_while_it_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    code = Path("pipeline/video/file.py")
    monkeypatch.setitem(AT_START, code.resolve(), (1, 1, 1))
    with pytest.raises(EmoError) as error, recorded("pipeline.stages.frames"):
        raise AssertionError("the stage ran")
    assert str(error.value) == f"{code}: changed while the stage frames ran; run `dvc repro` again"


def test_the_code_of_emo_is_noted_when_the_stages_are_imported() -> None:
    assert TOP / "pipeline/stages/frames.py" in AT_START


# --- The record -------------------------------------------------------------------------------------


def test_a_record_is_the_same_for_the_same_inputs() -> None:
    ran("dataset")
    first = record_path("dataset").read_bytes()
    for path in Path("raw").glob("*.csv"):
        os.utime(path, (1, 1))
    ran("dataset")
    assert record_path("dataset").read_bytes() == first
    assert str(Path.cwd()).encode() not in first


def test_a_record_states_versions_of_what_the_stage_imports() -> None:
    ran("frames")
    record = record_of("frames")
    assert {"emo", "python", "av", "pyarrow"} <= record.versions.keys()
    assert "torch" not in record.versions
    assert len(record.code) == 64


def test_a_stage_that_fails_leaves_no_record_of_an_earlier_run() -> None:
    ran("split")
    with pytest.raises(EmoError), recorded("pipeline.stages.split"):
        raise EmoError("no participants")
    assert not record_path("split").exists()


def test_without_dvc_nothing_is_recorded() -> None:
    Path("dvc.yaml").unlink()
    with recorded("pipeline.stages.frames"):
        set_value(["frames", "fps"], 1.0)
    assert not record_path("frames").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stage": "a"}', "no JSON"])
def test_a_damaged_record(text: str) -> None:
    with pytest.raises(EmoError, match=r"data/used/a\.json: damaged"):
        read_record(text.encode(), "data/used/a.json")


def test_settings_of_other_files_are_recorded() -> None:
    pipeline = yaml.safe_load(Path("dvc.yaml").read_text())
    pipeline["stages"]["split"]["params"] = ["split", {"code.json": ["stages.split"]}]
    Path("dvc.yaml").write_text(yaml.safe_dump(pipeline))
    Path("code.json").write_text('{"stages": {"split": "1a", "frames": "2b"}}')
    ran("split")
    assert record_of("split").params["code.json"] == {"stages.split": "1a"}
    lines = refused("split", lambda: Path("code.json").write_text('{"stages": {"split": "3c"}}'))
    assert lines[0].startswith("code.json: stages.split changed from '1a' to '3c' while the stage split ran")


# --- A whole stage ----------------------------------------------------------------------------------


@pytest.fixture
def _edited_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage split, during which a subject is enrolled after it has read the table."""
    enrol(PEOPLE, [])
    main = split.main

    def edited() -> None:
        main()
        enrol([*PEOPLE, person("S9", enrolled=9, sex="F")], [])

    monkeypatch.setattr(split, "main", edited)


@pytest.mark.usefixtures("_edited_split")
def test_a_stage_ends_with_exit_code_1_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_stage("pipeline.stages.split")
    assert stopped.value.code == 1
    assert capsys.readouterr().err == (
        "error: raw/participants.csv: changed while the stage split ran; run `dvc repro` again\n"
    )
    assert len(read_csv(PARTICIPANTS, Participant)) == 9
