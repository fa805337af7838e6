"""The stage evaluate, in a small project with a trained model."""

import csv
import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.figures.evaluation import mistakes_figure
from pipeline.learning.evaluation.measure import intervals, sex_difference
from pipeline.learning.evaluation.metrics import accuracy, macro_f1
from pipeline.learning.evaluation.params import EvaluateParams
from pipeline.learning.model.checkpoint import save_model
from pipeline.learning.model.inference import build_model
from pipeline.learning.model.predictor import Predictor
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import (
    CALIBRATION_PLOT,
    CONFUSION,
    CONFUSION_PLOT,
    CURVES_PLOT,
    DATASET,
    HISTORY,
    METRICS,
    MISTAKES_PLOT,
    MODEL,
    PREDICTIONS,
    REPORTS,
    SPLIT,
)
from pipeline.schema.predictions import read_predictions, worst_first
from pipeline.schema.split import SplitRow
from pipeline.stages import evaluate, train
from tests.support.drawn import draw_subject, write_shard
from tests.support.training_project import files, write_project

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project()
        train.main()
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("project")
def test_metrics() -> None:
    evaluate.main()
    figures = json.loads(METRICS.read_text())
    assert list(figures) == ["train", "validation", "test"]
    for split in figures.values():
        assert 0 <= split["accuracy"] <= 1
        assert 0 <= split["macro_f1"] <= 1
        assert split["loss"] > 0
    test = figures["test"]
    assert list(test["per_class"]) == ["angry", "happy", "surprised"]
    assert all(scores["support"] == 6 for scores in test["per_class"].values())
    assert list(test["per_subject"]) == ["p07", "p08"]
    mean = sum(subject["accuracy"] for subject in test["per_subject"].values()) / 2
    assert mean == pytest.approx(test["accuracy"], abs=1e-6)  # as many images of both
    assert test["interval_95"] == {"accuracy": None, "macro_f1": None}  # only two subjects


def test_six_test_subjects_have_intervals() -> None:
    confusions = np.array([[[hits, 10 - hits], [2, 8]] for hits in (3, 5, 6, 7, 8, 10)])
    params = EvaluateParams(seed=0, resamples=500, mistakes=1, calibration_bins=10)
    found = intervals(confusions, params)
    together = confusions.sum(0)
    for name, value in (("accuracy", accuracy(together)), ("macro_f1", macro_f1(together))):
        assert found[name]["low"] < value < found[name]["high"]
    assert intervals(confusions[:5], params) == {"accuracy": None, "macro_f1": None}


@pytest.mark.usefixtures("project")
def test_calibration_agrees_with_the_predictions() -> None:
    evaluate.main()
    test = json.loads(METRICS.read_text())["test"]
    assert test["calibration"]["nll"] == test["loss"]
    assert 0 < test["calibration"]["brier"] < 2
    places: dict[int, list[float]] = {}
    for row in rows(PREDICTIONS):
        sure = float(row["confidence"])
        places.setdefault(math.ceil(sure * 10), []).append((row["actual"] == row["predicted"]) - sure)
    apart = sum(abs(sum(gaps)) for gaps in places.values()) / 18
    assert test["calibration"]["ece"] == pytest.approx(apart, abs=1e-5)


@pytest.mark.usefixtures("project")
def test_metrics_by_sex() -> None:
    evaluate.main()
    test = json.loads(METRICS.read_text())["test"]
    assert {sex: group["accuracy"] for sex, group in test["per_sex"].items()} == {
        "F": test["per_subject"]["p07"]["accuracy"],
        "M": test["per_subject"]["p08"]["accuracy"],
    }
    apart = test["per_sex"]["F"]["accuracy"] - test["per_sex"]["M"]["accuracy"]
    assert test["sex_difference"]["accuracy"] == pytest.approx(apart, abs=2e-6)
    assert test["sex_difference"]["interval_95"] is None  # one subject of each sex
    SPLIT.write_text(SPLIT.read_text().replace("p08,M", "p08,"))
    evaluate.main()
    test = json.loads(METRICS.read_text())["test"]
    assert list(test["per_sex"]) == ["F", "not stated"]
    assert test["sex_difference"] is None
    SPLIT.write_text("\n".join(SPLIT.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(EmoError, match=r"^data/split\.csv: .*p08"):
        evaluate.main()


def test_the_difference_between_the_sexes_has_an_interval_from_six_of_each_on() -> None:
    def counts(hits: int) -> np.ndarray:
        return np.array([[hits, 0], [10 - hits, 0]])

    params = EvaluateParams(seed=0, resamples=500, mistakes=1, calibration_bins=10)
    stacks = {
        "F": np.stack([counts(9)] * 6),
        "M": np.stack([counts(hits) for hits in (2, 2, 4, 4, 6, 6)]),
    }
    found = sex_difference(stacks, params)
    assert found
    assert found["accuracy"] == pytest.approx(0.5)
    low, high = found["interval_95"]["low"], found["interval_95"]["high"]
    assert 0.3 < low < 0.4 < 0.6 < high < 0.7
    few = sex_difference(stacks | {"M": stacks["M"][:5]}, params)
    assert few == {"accuracy": pytest.approx(0.54), "interval_95": None}


def test_equal_groups_seldom_differ_beyond_chance() -> None:
    chance = np.random.default_rng(2)
    params = EvaluateParams(seed=0, resamples=300, mistakes=1, calibration_bins=10)

    def group() -> np.ndarray:
        hits = chance.binomial(40, chance.beta(7, 3, size=6))
        return np.array([[[h, 40 - h], [0, 0]] for h in hits])

    found = [sex_difference({"F": group(), "M": group()}, params) for _ in range(200)]
    limits = [row["interval_95"] for row in found if row]
    apart = sum(not row["low"] <= 0 <= row["high"] for row in limits)
    assert apart / len(found) <= 0.07  # 0.03; 0.10 with plain percentiles


@pytest.mark.usefixtures("project")
def test_metrics_of_images_without_a_subject_have_a_caveat() -> None:
    images = {"stands_for": "image"}
    rows = [SplitRow("p07", "F", "test", 0), SplitRow("p08", "", "test", 1, images)]
    write_csv(SPLIT, rows, SplitRow)
    evaluate.main()
    figures = json.loads(METRICS.read_text())
    assert figures["subjects"].startswith("unknown for 1 of 2: ")
    assert list(figures["test"]["per_subject"]) == ["p07"]


@pytest.mark.usefixtures("project")
def test_tables_agree_with_the_metrics() -> None:
    evaluate.main()
    found = rows(PREDICTIONS)
    assert len(found) == 18
    assert list(found[0]) == [
        "image", "subject", "clip", "frame", "time_s", "actual", "predicted", "confidence",
    ]  # fmt: skip
    assert found[0]["image"] == "p07_angry/000000.png"
    hits = sum(row["actual"] == row["predicted"] for row in found) / 18
    assert json.loads(METRICS.read_text())["test"]["accuracy"] == pytest.approx(hits, abs=1e-6)
    pairs = rows(CONFUSION)
    assert list(pairs[0]) == ["actual", "predicted"]
    assert sorted(map(tuple, map(dict.values, pairs))) == sorted((r["actual"], r["predicted"]) for r in found)


@pytest.mark.usefixtures("project")
def test_figures() -> None:
    evaluate.main()
    for path in (CALIBRATION_PLOT, CONFUSION_PLOT, CURVES_PLOT, MISTAKES_PLOT):
        assert path.read_bytes().startswith(PNG)


@pytest.mark.slow
def test_twice_the_same_bytes(project: Path) -> None:
    evaluate.main()
    before = files(REPORTS)
    evaluate.main()
    assert files(REPORTS) == before
    assert not any(str(project).encode() in data for data in before.values())


@pytest.mark.usefixtures("project")
def test_one_test_subject_has_no_interval() -> None:
    (DATASET / "test" / "p08.parquet").unlink()
    evaluate.main()
    assert json.loads(METRICS.read_text())["test"]["interval_95"] == {"accuracy": None, "macro_f1": None}


@pytest.mark.usefixtures("project")
def test_a_model_of_other_classes() -> None:
    shutil.rmtree(DATASET / "test")
    write_shard(DATASET, "test", "z", draw_subject(9, ("happy", "sad"), 2), ("happy", "sad"))
    with pytest.raises(EmoError, match=r"^models/model\.json: data/dataset/test: .*happy, sad.*angry"):
        evaluate.main()


@pytest.mark.usefixtures("project")
def test_a_model_of_colour_images() -> None:
    predictor = Predictor.load(MODEL)
    recipe = load_params("train", TrainParams).chosen
    colour = dataclasses.replace(predictor.card, channels=3)
    save_model(build_model(recipe, len(colour.classes), 3), colour, MODEL)
    with pytest.raises(EmoError, match=r"^models/model\.json: data/dataset/train: grey .*64"):
        evaluate.main()


@pytest.mark.usefixtures("project")
def test_missing_model_and_dataset() -> None:
    shutil.rmtree(DATASET / "test")
    with pytest.raises(NotBuiltError, match=r"^data/dataset/test: "):
        evaluate.main()
    shutil.rmtree(MODEL)
    with pytest.raises(NotBuiltError, match=r"^models/model\.json: .*dvc repro train"):
        evaluate.main()


@pytest.mark.usefixtures("project")
def test_a_history_without_a_best_epoch() -> None:
    HISTORY.write_text(HISTORY.read_text().replace("true", "false"))
    with pytest.raises(EmoError, match=r"^reports/history\.csv: best: "):
        evaluate.main()


@pytest.mark.parametrize("expressions", [("happy", "neutral")])
def test_two_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expressions: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(expressions)
    train.main()
    evaluate.main()
    assert list(json.loads(METRICS.read_text())["test"]["per_class"]) == list(expressions)


@pytest.mark.usefixtures("project")
def test_the_most_confident_mistakes_come_first() -> None:
    evaluate.main()
    predictions = read_predictions()
    mistakes = worst_first(predictions)
    assert len(mistakes) == sum(row.actual != row.predicted for row in predictions) > 1
    assert [row.confidence for row in mistakes] == sorted((row.confidence for row in mistakes), reverse=True)
    images = {row.image: np.zeros((1, 8, 8), np.uint8) for row in predictions}
    texts = [axes.texts[0].get_text() for axes in mistakes_figure(predictions, images, 2).axes if axes.texts]
    assert [mistakes[0].clip in texts[0], mistakes[1].clip in texts[1], len(texts)] == [True, True, 2]
