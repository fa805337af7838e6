"""A small project with known metrics, written without running a stage, and its history of two versions."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.parquet import table_of, write_parquet
from pipeline.runtime.paths import CENSUS, FUNNEL, HISTORY, METRICS, MODEL, NEAR_PAIRS, PREDICTIONS, SPLIT
from pipeline.schema.census import CensusRow
from pipeline.schema.checkpoint import CARD, ModelCard
from pipeline.schema.dataset import dataset_schema, image_name, shard_path
from pipeline.schema.duplicates import NEAR_PAIRS_SCHEMA
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.history import Epoch, format_history
from pipeline.schema.predictions import Prediction
from pipeline.schema.split import SplitRow
from tests.support.making import clip, counted_row, enrol, person, set_params
from tests.support.shards import texture

CLASSES = ("happy", "sad")
SPLITS = {"S1": "train", "S2": "train", "S3": "validation", "S4": "test", "S5": "test"}
SCRIPT = "<script>alert(1)</script>"
IMAGES = 3
"""Images of each subject and class."""


def write_project() -> None:
    """Write everything that the report shows into the current folder, and commit it twice."""
    write_raw()
    set_params(dataset={"expressions": list(CLASSES)})
    Path("dvc.yaml").write_text("stages: {}\n")
    write_dataset()
    write_results()
    settings = {"split": {"validation": 0.2, "test": 0.4}, "dedup": {"max_distance": 31}}
    stages = {
        name: {"cmd": "-", "params": {"params.yaml": {name: found}}} for name, found in settings.items()
    }
    stages["dedup"]["outs"] = [{"path": "data/near_pairs.parquet", "md5": "ab" * 16}]
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    git("init", "-q", "-b", "main")
    write_csv(CENSUS, census(without="S2"), CensusRow)
    commit(f"First {SCRIPT}")
    git("tag", "v1")
    write_csv(CENSUS, census(), CensusRow)
    commit("Second")


def write_raw(**changed: Any) -> None:
    """Write raw/: five participants, one with a column that emo does not know."""
    people = [person(name, sex="FM"[n % 2], enrolled=n) for n, name in enumerate(SPLITS, 1)]
    people[0] = person("S1", extra={"note": SCRIPT})
    people[1] = person("S2", **{"sex": "F", "enrolled": 2, **changed})
    clips = [clip(f"{s}_{e}", subject=s, expression=e, take=f"{s}_{e}") for s in SPLITS for e in CLASSES]
    enrol(people, clips)


def write_dataset() -> None:
    """Write the dataset and its tables: three of the ten frames of a clip are images."""
    write_csv(
        SPLIT, [SplitRow(s, "FM"[n % 2], split, 0) for n, (s, split) in enumerate(SPLITS.items())], SplitRow
    )
    for number, (subject, split) in enumerate(SPLITS.items()):
        rows = [
            image(f"{subject}_{name}", frame, label, 100 * number + 10 * label + frame)
            for label, name in enumerate(CLASSES)
            for frame in range(IMAGES)
        ]
        write_parquet(shard_path(split, subject), table_of(rows, dataset_schema(CLASSES)))
    write_csv(CENSUS, census(), CensusRow)
    funnel = [
        counted_row(f"{s}_{e}", s, e, split, sampled=10, no_face=1, duplicates=6, images=IMAGES)
        for s, split in SPLITS.items()
        for e in CLASSES
    ]
    write_csv(FUNNEL, funnel, FunnelRow)
    pair = {"clip": "S1_happy", "frame": 0, "other_clip": "S1_sad", "other_frame": 1, "distance": 7}
    write_parquet(NEAR_PAIRS, table_of([{**pair, "across": "label"}], NEAR_PAIRS_SCHEMA))


def census(without: str = "") -> list[CensusRow]:
    """Return the census, without one subject."""
    return [
        CensusRow(split, subject, name, 1, IMAGES, "0" * 16)
        for subject, split in SPLITS.items()
        for name in CLASSES
        if subject != without
    ]


def image(name: str, frame: int, label: int, seed: int) -> dict[str, Any]:
    """Return a row of the dataset, with a texture instead of a face."""
    return {
        "image": {"bytes": encode_png(texture(seed)), "path": image_name(name, frame)},
        "label": label,
        "subject": name.split("_")[0],
        "clip": name,
        "frame": frame,
        "time_s": frame / 5,
    }


def write_results() -> None:
    """Write the outputs of training and evaluation: all images correct but the sad ones of S5."""
    predictions = [
        Prediction(
            image_name(f"{s}_{e}", n), s, f"{s}_{e}", n, n / 5, e, "happy" if s == "S5" else e, 0.9 - n / 10
        )
        for s in ("S4", "S5")
        for e in CLASSES
        for n in range(IMAGES)
    ]
    write_csv(PREDICTIONS, predictions, Prediction)
    epochs = [Epoch(n, 0.01, 2 / n, 0.3 * n, 2.5 / n, 0.25 * n, n < 3) for n in (1, 2, 3)]
    HISTORY.write_text(format_history(epochs))
    METRICS.write_text(json.dumps(metrics()))
    MODEL.mkdir()
    card = ModelCard(
        recipe="lenet",
        settings={},
        classes=CLASSES,
        side_px=64,
        input_px=32,
        channels=1,
        normalisation="none",
        seed=0,
        epochs=3,
        best_epoch=2,
        torch="2.0",
        weights_sha256="a" * 64,
    )
    (MODEL / CARD).write_text(json.dumps(vars(card)))


def metrics() -> dict[str, Any]:
    """Return the content of metrics.json."""
    plain = {"loss": 0.5, "accuracy": 0.75, "macro_f1": 0.7333, "images": 12, "subjects": 2}
    scores = {"precision": 1.0, "recall": 0.5, "f1": 0.6667, "support": 6}
    people = {"S4": {"accuracy": 1.0, "images": 6}, "S5": {"accuracy": 0.5, "images": 6}}
    limits = {"low": 0.5, "high": 1.0}
    test = {
        "per_class": dict.fromkeys(CLASSES, scores),
        "per_subject": people,
        "interval_95": {"accuracy": limits, "macro_f1": limits},
        "calibration": {"ece": 0.123, "brier": 0.4, "nll": 0.5},
        "per_sex": {"F": {"accuracy": 0.75, "macro_f1": 0.7, "images": 12, "subjects": 2}},
        "sex_difference": {"accuracy": -0.125, "interval_95": {"low": -0.3, "high": 0.05}},
    }
    return {"train": plain | {"accuracy": 1.0}, "validation": plain, "test": plain | test}


def commit(message: str) -> None:
    """Commit the tables of the current folder."""
    git("add", "raw", "data/split.csv", "data/census.csv", "dvc.lock", "dvc.yaml", "params.yaml", "reports")
    git("commit", "-q", "-m", message)


def git(*arguments: str) -> None:
    """Run git with a name and an address."""
    who = ("-c", "user.name=A Lab", "-c", "user.email=lab@example.org")
    subprocess.run(["git", *who, *arguments], check=True)
