"""The stage train, whole, in a small project."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.paths import AUDIT, DATASET, HISTORY, MODEL, PARAMS, REPORTS
from pipeline.runtime.stage import start_logging
from pipeline.schema.history import read_history
from pipeline.stages import train
from tests.support.drawn import draw_subject, write_shard
from tests.support.training_project import PARAMS_YAML, files, write_audit, write_project
from tests.support.trainings import SMALL


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project()
    return tmp_path


def test_it_writes_weights_card_and_history(project: Path) -> None:
    train.main()
    assert sorted(path.name for path in MODEL.iterdir()) == ["model.json", "weights.safetensors"]
    card = json.loads((MODEL / "model.json").read_text())
    assert card["recipe"] == "lenet"
    assert card["classes"] == ["angry", "happy", "surprised"]
    assert (card["side_px"], card["input_px"], card["channels"]) == (64, 32, 1)
    history = read_history(HISTORY)
    assert [row.epoch for row in history] == list(range(1, card["epochs"] + 1))
    assert history[card["best_epoch"] - 1].best
    assert str(project) not in (MODEL / "model.json").read_text()


@pytest.mark.usefixtures("project")
def test_the_history_is_in_the_order_of_epochs() -> None:
    PARAMS.write_text(PARAMS_YAML.replace("epochs: 4", "epochs: 11").replace("patience: 4", "patience: 11"))
    train.main()
    first = [line.split(",")[0] for line in HISTORY.read_text().splitlines()]
    assert first == ["epoch", *map(str, range(1, 12))]


@pytest.mark.usefixtures("project")
def test_twice_the_same_bytes() -> None:
    train.main()
    before = files(MODEL) | {str(HISTORY): HISTORY.read_bytes()}
    shutil.rmtree(MODEL)
    HISTORY.unlink()
    train.main()
    assert files(MODEL) | {str(HISTORY): HISTORY.read_bytes()} == before


@pytest.mark.usefixtures("project")
def test_the_test_split_is_not_read() -> None:
    shutil.rmtree(DATASET / "test")
    train.main()
    assert (MODEL / "weights.safetensors").is_file()


@pytest.mark.usefixtures("project")
def test_it_needs_a_passed_audit() -> None:
    write_audit(ok=False)
    with pytest.raises(EmoError, match=r"^reports/audit\.json: .*subjects_disjoint"):
        train.main()
    AUDIT.write_text("{")
    with pytest.raises(EmoError, match=r"^reports/audit\.json: .*JSON"):
        train.main()
    AUDIT.unlink()
    with pytest.raises(NotBuiltError, match=r"^reports/audit\.json: "):
        train.main()
    assert not MODEL.exists()
    assert list(REPORTS.iterdir()) == []


@pytest.mark.usefixtures("project")
def test_missing_dataset() -> None:
    shutil.rmtree(DATASET)
    with pytest.raises(NotBuiltError, match=r"^data/dataset/train: "):
        train.main()


@pytest.mark.usefixtures("project")
def test_splits_of_other_classes() -> None:
    shutil.rmtree(DATASET / "validation")
    write_shard(DATASET, "validation", "z", draw_subject(9, ("happy", "sad"), 2), ("happy", "sad"))
    with pytest.raises(EmoError, match=r"^data/dataset: classes .*surprised.* validation .*sad"):
        train.main()


@pytest.mark.usefixtures("project")
def test_an_input_larger_than_the_images() -> None:
    PARAMS.write_text(PARAMS_YAML.replace("input_px: 32", "input_px: 96"))
    with pytest.raises(EmoError, match=r"^data/dataset: .*64x64.* lenet: input_px: 96"):
        train.main()


@pytest.mark.usefixtures("project")
def test_a_value_out_of_range() -> None:
    PARAMS.write_text(PARAMS_YAML.replace("zoom: 0.1", "zoom: 1.5"))
    with pytest.raises(EmoError, match=r"^params\.yaml: train: augmentation: zoom: 1\.5"):
        train.main()


@pytest.mark.usefixtures("project")
def test_it_logs_every_tenth_epoch_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    PARAMS.write_text(PARAMS_YAML.replace("epochs: 4", "epochs: 11").replace("patience: 4", "patience: 11"))
    start_logging("train")
    train.main()
    out, err = capsys.readouterr()
    assert [line[7:18] for line in out.splitlines()[:2]] == ["epoch   1  ", "epoch  10  "]
    assert [line.split(":")[1] for line in out.splitlines()[2:]] == [" best", " last"]
    assert err == ""


@pytest.mark.usefixtures("project")
def test_the_settings_of_an_unused_recipe_change_nothing() -> None:
    train.main()
    before = files(MODEL)
    vgg = json.dumps(dataclasses.asdict(SMALL["vgg"]))  # JSON is YAML
    PARAMS.write_text(PARAMS_YAML.replace("  augmentation:", f"  vgg: {vgg}\n  augmentation:"))
    train.main()
    assert files(MODEL) == before
    PARAMS.write_text(PARAMS.read_text().replace('"hidden": 32', '"hidden": 0'))
    with pytest.raises(EmoError, match=r"^params\.yaml: train: vgg: hidden: 0"):
        train.main()
