"""The rules of the layout: which room imports which, where libraries may be used, and dvc.yaml kept true."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from pipeline.runtime.code import import_closure, imported_names, source_path
from pipeline.runtime.stage_record import record_path
from pipeline.runtime.stages import BUILDING, SECTIONS, STAGES

TOP = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for path in (TOP / "pipeline").rglob("*.py") if path.stat().st_size)
DVC = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]

ROOMS = (
    "runtime",
    "schema",
    "video",
    "faces",
    "dataset/near_duplicates",
    "dataset/split",
    "dataset/card",
    "dataset/images",
    "learning/recipes",
    "learning/model",
    "learning/training",
    "learning/evaluation",
    "figures",
    "audit/gate",
    "stages",
    "versions",
    "ingest",
    "decisions",
    "audit",
    "learning/protocols",
    "learning/comparison",
    "learning",
    "withdrawal",
    "report",
    "export",
    "versions/trace",
    "commands",
)
"""From the ground up: a room imports only itself and rooms before it."""

LIGHT = ("runtime", "schema", "versions", "audit/gate")
"""Rooms that load neither OpenCV nor PyTorch; of `runtime`, the image codec alone loads OpenCV."""


def room_of(path: str) -> str:
    """Return the most particular room that a path below pipeline/ lies in."""
    return max((room for room in ROOMS if path.startswith(f"{room}/")), key=len, default="")


def below_pipeline(path: Path) -> str:
    return path.relative_to(TOP / "pipeline").as_posix()


def imported_files(path: Path) -> set[str]:
    """Return the files below pipeline/ that a source file imports."""
    files = {source_path(name) for name in imported_names(path) if name.split(".")[0] == "pipeline"}
    return {file.removeprefix("pipeline/") for file in files}


def test_every_source_file_lies_in_a_room() -> None:
    assert [path for path in SOURCES if not room_of(below_pipeline(path))] in (
        [],
        [TOP / "pipeline/__init__.py"],
    )


@pytest.mark.parametrize("path", SOURCES, ids=below_pipeline)
def test_a_room_imports_only_the_rooms_before_it(path: Path) -> None:
    own = room_of(below_pipeline(path))
    rooms = {room_of(file) for file in imported_files(path)} - {own, ""}
    if own:
        assert {room for room in rooms if ROOMS.index(room) > ROOMS.index(own)} == set()
    assert "cli" not in imported_names(path)


@pytest.mark.parametrize("path", SOURCES, ids=below_pipeline)
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    roots, where = {name.split(".")[0] for name in imported_names(path)}, below_pipeline(path)
    if "av" in roots:
        assert where.startswith("video/")
    if "torch" in roots:
        assert where.startswith("learning/") or where in ("stages/train.py", "stages/evaluate.py")
    if "cv2" in roots:
        assert room_of(where) not in LIGHT or where == "runtime/image_codec.py"
    if "typer" in roots:
        assert where.startswith("commands/")


def test_schema_loads_neither_torch_nor_opencv() -> None:
    for path in (TOP / "pipeline/schema").glob("*.py"):
        closure = import_closure(f"pipeline.schema.{path.stem}") if path.stat().st_size else ()
        names = {
            name.split(".")[0] for module in closure for name in imported_names(TOP / source_path(module))
        }
        assert not names & {"torch", "cv2"}, path


def test_the_documentation_sets_params_that_there_are() -> None:
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    sources = (TOP / "README.md", TOP / "CONTRIBUTING.md", *(TOP / "docs").glob("*.md"))
    for path in (*sources, *(TOP / "pipeline/commands").glob("*.py")):
        for key in re.findall(r"-S ([\w.]+)=", path.read_text()):
            value = params
            for part in key.split("."):
                assert part in value, f"{path}: {key}"
                value = value[part]


# --- dvc.yaml -------------------------------------------------------------------------------------


def test_the_stages_are_those_of_the_list() -> None:
    assert tuple(DVC) == STAGES
    assert set(yaml.safe_load((TOP / "params.yaml").read_text())) == set(SECTIONS)


def code_of(stage: str) -> list[str]:
    return [dep for dep in DVC[stage]["deps"] if dep.startswith("pipeline/")]


def is_declared(file: str, deps: list[str]) -> bool:
    return any(file == dep or file.startswith(f"{dep}/") for dep in deps)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_only_from_the_folders_that_it_declares(stage: str) -> None:
    files = {source_path(module) for module in import_closure(f"pipeline.stages.{stage}")}
    assert {file for file in files if not is_declared(file, code_of(stage))} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_no_folder_that_it_does_not_import_from(stage: str) -> None:
    files = {source_path(module) for module in import_closure(f"pipeline.stages.{stage}")}
    assert [dep for dep in code_of(stage) if not any(is_declared(file, [dep]) for file in files)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_each_dependency_once_and_few_of_code(stage: str) -> None:
    deps = DVC[stage]["deps"]
    assert sorted(set(deps)) == sorted(deps)
    assert len(code_of(stage)) <= 8
    assert DVC[stage]["cmd"] == f"python -m pipeline.stages.{stage}"


UNRELATED = ("cli.py", "docs", "pipeline/commands", "pipeline/report", "pipeline/export", "pipeline/versions")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_does_not_depend_on_commands_report_or_documentation(stage: str) -> None:
    for dep in DVC[stage]["deps"]:
        assert not any(other == dep or other.startswith(f"{dep}/") for other in UNRELATED), dep


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_its_own_code(stage: str) -> None:
    assert f"pipeline/stages/{stage}.py" in code_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_keeps_its_record_in_dvcs_cache_and_no_stage_depends_on_it(stage: str) -> None:
    """Without the cache, DVC would switch its run-cache off for the stage."""
    record = record_path(stage).as_posix()
    assert record in DVC[stage]["outs"]
    assert not any(Path(record).is_relative_to(dep) for other in STAGES for dep in DVC[other]["deps"])


def test_a_stage_reads_the_settings_that_it_declares() -> None:
    """Of detectors and recipes only the one that is used: editing another reruns nothing."""
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    faces = ["faces.detector", "faces.${faces.detector}", "faces.tracking", "faces.crop"]
    assert DVC["faces"]["params"] == faces
    assert set(params["faces"]) - {"haar", "whole_frame"} == {"detector", "tracking", "crop"}
    assert DVC["dataset"]["params"] == ["frames", *faces, "dedup", "split", "dataset"]
    own = [key.removeprefix("train.") for key in DVC["train"]["params"]]
    recipes = {name for name, value in params["train"].items() if isinstance(value, dict) and "fit" in value}
    assert set(own) - {"${train.recipe}"} == set(params["train"]) - recipes
    for stage in set(SECTIONS) - {"faces", "dataset", "train"}:
        assert DVC[stage]["params"] == [stage]
    assert set(BUILDING) <= set(SECTIONS)


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_another(stage: str) -> None:
    closure = import_closure(f"pipeline.stages.{stage}")
    assert [module for module in closure if module.startswith("pipeline.stages.")] == [
        f"pipeline.stages.{stage}"
    ]


def test_params_avoid_names_that_corrupt_results() -> None:
    """DVC restores wrong outputs where a param is called size or nfiles (dvc issue 10296)."""

    def keys(value: object) -> set[str]:
        if not isinstance(value, dict):
            return set()
        return set(value) | {key for child in value.values() for key in keys(child)}

    assert keys(yaml.safe_load((TOP / "params.yaml").read_text())) & {"size", "nfiles"} == set()


def test_no_stage_uses_persist() -> None:
    """It would switch the run-cache off."""
    assert not re.search(r"^\s*persist:", (TOP / "dvc.yaml").read_text(), re.MULTILINE)


# --- Dependencies ---------------------------------------------------------------------------------


def declared() -> list[str]:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    groups = (project["dependencies"], *project["optional-dependencies"].values())
    return [re.match(r"[A-Za-z0-9-]+", line)[0] for group in groups for line in group]  # type: ignore[index]


def test_the_lock_file_pins_every_dependency() -> None:
    locked = {line.split("==")[0].lower() for line in (TOP / "requirements.lock").read_text().splitlines()}
    assert {name.lower() for name in declared()} <= locked
    assert "torch==2.13.0" in (TOP / "requirements.lock").read_text().splitlines()


def test_every_dependency_is_justified() -> None:
    contributing = (TOP / "CONTRIBUTING.md").read_text()
    assert [name for name in declared() if f"`{name}`" not in contributing] == []


# --- Tests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((TOP / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_test_modules_import_no_test_modules(path: Path) -> None:
    names = re.findall(r"^\s*(?:from|import) (tests\.[\w.]+)", path.read_text(), re.MULTILINE)
    assert [name for name in names if not name.startswith("tests.support")] == []
