"""`emo models` shows the networks as params.yaml sets them, and trains nothing."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import cli
from pipeline.learning.recipes.registry import RECIPES
from pipeline.learning.recipes_overview import HEADER, describe
from pipeline.runtime.errors import EmoError

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(TOP / name, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_each_recipe_has_a_table_with_its_sum() -> None:
    for one in describe(()):
        title, header, rows = one.table()
        assert title == f"{one.recipe.NAME}: 1x{one.recipe.input_px}x{one.recipe.input_px} pixels"
        assert header == HEADER
        assert [row[0] for row in rows[-2:]] == ["output", "all"]
        numbers = [int(row[3].replace(",", "")) for row in rows if row[3] != "-"]
        assert numbers[-1] == sum(numbers[:-1]) == one.parameters


def test_settings_classes_and_colours_are_those_of_params_yaml(project: Path) -> None:
    text = (project / "params.yaml").read_text()
    text = text.replace("colour: grey ", "colour: colour ").replace("maps: [16, 64]", "maps: [6, 16]")
    (project / "params.yaml").write_text(text.replace("[angry, disgusted, happy,", "[happy,"))
    [one] = describe(["lenet"])
    shapes = {layer.name: layer.shape for layer in one.layers}
    assert (one.channels, shapes["c1"], shapes["output"]) == (3, (6, 28, 28), (5,))
    # (25 * 3 + 1) * 6 + (25 * 6 + 1) * 16 + (400 + 1) * 120 + 121 * 84 + 85 * 5
    assert one.parameters == 61_581


def test_the_command_prints_tables_and_sources() -> None:
    done = CliRunner().invoke(cli.app, ["models", "lenet", "vgg"])
    assert done.exit_code == 0
    assert "228,959" in done.output
    assert "Simonyan & Zisserman 2015" in done.output
    assert "resnet" not in done.output


@pytest.mark.slow
def test_the_command_prints_json() -> None:
    done = CliRunner().invoke(cli.app, ["models", "--json"])
    found = json.loads(done.output)
    assert [one["recipe"] for one in found] == list(RECIPES)
    assert all(one["multiply_adds"] == sum(x["multiply_adds"] for x in one["layers"]) for one in found)
    assert found[0]["settings"]["fit"]["optimiser"] == "adamw"


def test_an_unknown_recipe() -> None:
    with pytest.raises(EmoError, match=r"^alexnet: .*lenet, bncnn, vgg"):
        list(describe(["alexnet"]))


def test_recipes_without_a_section_are_left_out(project: Path) -> None:
    values = yaml.safe_load((project / "params.yaml").read_text())
    del values["train"]["vgg"]
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    assert [one.recipe.NAME for one in describe(())] == [name for name in RECIPES if name != "vgg"]
    with pytest.raises(EmoError, match=r"^params\.yaml: train: missing section: vgg"):
        list(describe(["vgg"]))
