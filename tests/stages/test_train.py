"""The stage train, whole, in a small project."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import AUDIT, DATASET, HISTORY, MODEL, PARAMS, REPORTS
from pipeline.schema.history import read_history
from pipeline.stages import train
from tests.support.drawn import draw_subject, write_shard
from tests.support.training_project import PARAMS_YAML, files, write_audit, write_project


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
def test_epochs_stand_in_order() -> None:
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
def test_it_needs_a_good_audit() -> None:
    write_audit(ok=False)
    with pytest.raises(EmoError, match=r"reports/audit\.json: the audit failed: subjects_disjoint"):
        train.main()
    AUDIT.write_text("{")
    with pytest.raises(EmoError, match="not valid JSON"):
        train.main()
    AUDIT.unlink()
    with pytest.raises(EmoError, match="no such file; run `dvc repro audit`"):
        train.main()
    assert not MODEL.exists()
    assert list(REPORTS.iterdir()) == []


@pytest.mark.usefixtures("project")
def test_missing_dataset() -> None:
    shutil.rmtree(DATASET)
    with pytest.raises(EmoError, match="data/dataset/train: no images; run `dvc repro dataset`"):
        train.main()


@pytest.mark.usefixtures("project")
def test_splits_of_other_classes() -> None:
    shutil.rmtree(DATASET / "validation")
    write_shard(DATASET, "validation", "z", draw_subject(9, ("happy", "sad"), 2), ("happy", "sad"))
    with pytest.raises(EmoError, match=r"classes of train is .*surprised.*, of validation"):
        train.main()


@pytest.mark.usefixtures("project")
def test_an_input_larger_than_the_images() -> None:
    PARAMS.write_text(PARAMS_YAML.replace("input_px: 32", "input_px: 96"))
    with pytest.raises(EmoError, match="64x64 pixels are too small for train: lenet: input_px: 96"):
        train.main()


@pytest.mark.usefixtures("project")
def test_a_value_out_of_range() -> None:
    PARAMS.write_text(PARAMS_YAML.replace("zoom: 0.1", "zoom: 1.5"))
    with pytest.raises(EmoError, match=r"params\.yaml: train: augmentation: zoom: 1\.5 is not within"):
        train.main()


@pytest.mark.usefixtures("project")
def test_a_line_every_ten_epochs_and_a_table(capfd: pytest.CaptureFixture[str]) -> None:
    train.main()
    out, err = capfd.readouterr()
    assert err.startswith("epoch   1  train loss")
    assert len(err.splitlines()) == 1
    assert "best" in out
    assert "last" in out
