"""A small project with a drawn dataset, ready for train and evaluate."""

import json
from pathlib import Path

from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.paths import AUDIT, DATASET, PARAMS, SPLIT
from pipeline.schema.split import SplitRow
from tests.support.drawn import write_dataset

PARAMS_YAML = """\
split: {seed: 4, validation: 0.25, test: 0.25, folds: 4}
train:
  recipe: lenet
  seed: 0
  cpu_threads: 1
  label_smoothing: 0.1
  class_weights: true
  lenet:
    input_px: 32
    maps: [6, 16]
    activation: relu
    pooling: max
    dropout: 0.1
    fit:
      optimiser: adamw
      learning_rate: 0.003
      schedule: cosine
      warm_up: 0.05
      weight_decay: 0.01
      batch: 16
      epochs: 4
      patience: 4
  augmentation:
    flip: true
    rotate_deg: 5.0
    shift: 0.05
    zoom: 0.1
    shear: 0.0
    elastic: 0.02
    brightness: 0.1
    contrast: 0.1
    shading: 0.1
    noise: 0.01
    erase: 0.0
evaluate:
  seed: 0
  resamples: 200
  mistakes: 7
  calibration_bins: 10
"""


def write_project(expressions: tuple[str, ...] = ("angry", "happy", "surprised"), each: int = 3) -> None:
    """Write params.yaml, a passed audit, a dataset of 4 + 2 + 2 subjects and their split."""
    PARAMS.write_text(PARAMS_YAML)
    write_audit(ok=True)
    write_dataset(DATASET, {"train": 4, "validation": 2, "test": 2}, expressions, each)
    splits = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    rows = [SplitRow(f"p{n + 1:02d}", "FM"[n % 2], split, n % 4) for n, split in enumerate(splits)]
    write_csv(SPLIT, rows, SplitRow)


def write_audit(*, ok: bool) -> None:
    """Write reports/audit.json."""
    AUDIT.parent.mkdir(exist_ok=True)
    checks = [("subjects_disjoint", ok), ("labels", True)]
    rows = [{"name": name, "ok": good, "detail": ""} for name, good in checks]
    AUDIT.write_text(json.dumps({"ok": ok, "checks": rows}))


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
