"""The rules of the house: layers, where libraries may be used, and dvc.yaml telling the truth."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline.runtime.code import import_closure, imported_names, source_path
from pipeline.runtime.params import SECTIONS

TOP = Path(__file__).resolve().parents[1]
SOURCES = sorted((TOP / "pipeline").rglob("*.py"))
STAGES = ("frames", "faces", "dedup", "split", "dataset", "audit", "train", "evaluate")
DVC = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]

# A layer may import itself (stages may not) and the layers named here.
LAYERS = {
    "core": {"core"},
    "media": {"core", "media"},
    "learning": {"core", "learning"},
    "history": {"core", "history"},
    "ingest": {"core", "media", "ingest"},
    "stages": {"core", "media", "learning"},
    "auditing": {"core", "media", "history", "stages", "auditing"},
    "withdrawal": {"core", "history", "ingest", "stages", "withdrawal"},
    "tools": {"core", "media", "learning", "history", "stages", "auditing", "tools"},
}


def layer_of(path: Path) -> str:
    return path.relative_to(TOP / "pipeline").parts[0]


def names_in(path: Path) -> set[str]:
    return set(imported_names(path))


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=str)
def test_a_layer_imports_only_the_layers_below_it(path: Path) -> None:
    imported = {name.split(".")[1] for name in names_in(path) if name.startswith("pipeline.")}
    assert imported <= LAYERS[layer_of(path)]
    assert "cli" not in names_in(path)


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=str)
def test_libraries_stay_in_their_homes(path: Path) -> None:
    roots = {name.split(".")[0] for name in names_in(path)}
    where = path.relative_to(TOP / "pipeline").as_posix()
    if "av" in roots:
        assert where in ("media/opening.py", "media/probe.py", "media/video.py")
    if "torch" in roots:
        assert where.startswith("learning/") or where in ("stages/train.py", "stages/evaluate.py")


def test_the_documentation_sets_params_that_there_are() -> None:
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    for path in (TOP / "README.md", TOP / "CONTRIBUTING.md", *(TOP / "docs").glob("*.md"), TOP / "cli.py"):
        for key in re.findall(r"-S ([\w.]+)=", path.read_text()):
            value = params
            for part in key.split("."):
                assert part in value, f"{path}: {key}"
                value = value[part]


def test_package_markers_are_empty() -> None:
    """`import_closure` leaves them out."""
    assert [p for p in SOURCES if p.name == "__init__.py" and p.read_text().strip()] == []


def test_the_stages_are_those_of_the_design() -> None:
    assert tuple(DVC) == STAGES
    assert set(SECTIONS) <= set(STAGES)
    assert set(yaml.safe_load((TOP / "params.yaml").read_text())) == set(SECTIONS)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_its_import_closure(stage: str) -> None:
    code = {dep for dep in DVC[stage]["deps"] if dep.startswith("pipeline/")}
    assert code == {source_path(module) for module in import_closure(f"pipeline.stages.{stage}")}
    assert DVC[stage]["cmd"] == f"python -m pipeline.stages.{stage}"
    told = ["frames", "faces", "dedup", "split", "dataset"]  # the dataset card tells their values
    own = [section for section in SECTIONS if section == stage]
    assert DVC[stage].get("params", []) == (told if stage == "dataset" else own)


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_another(stage: str) -> None:
    assert [m for m in import_closure(f"pipeline.stages.{stage}") if m.startswith("pipeline.stages.")] == [
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


def test_the_lock_file_pins_every_dependency() -> None:
    locked = {line.split("==")[0].lower() for line in (TOP / "requirements.lock").read_text().splitlines()}
    declared = re.findall(r'^    "([A-Za-z0-9-]+)', (TOP / "pyproject.toml").read_text(), re.MULTILINE)
    assert {name.lower() for name in declared} <= locked
    assert "torch==2.13.0" in (TOP / "requirements.lock").read_text().splitlines()


def test_every_dependency_is_justified() -> None:
    declared = re.findall(r'^    "([A-Za-z0-9-]+)', (TOP / "pyproject.toml").read_text(), re.MULTILINE)
    contributing = (TOP / "CONTRIBUTING.md").read_text()
    assert [name for name in declared if f"`{name}`" not in contributing] == []
