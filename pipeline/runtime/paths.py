"""All paths of a project, relative to its top folder."""

from pathlib import Path

from pipeline.runtime.errors import EmoError

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")

PARTICIPANTS = Path("raw/participants.csv")
CLIPS = Path("raw/clips.csv")
DECISIONS = Path("raw/decisions.csv")
VIDEOS = Path("raw/videos")
WITHDRAWALS = Path("raw/withdrawn.csv")
WITHDRAWALS_COPY = Path(".emo/withdrawn.csv")
WITHDRAWAL_STATE = Path(".emo/withdrawals")

FRAMES = Path("data/frames")
FACES = Path("data/faces")
DUPLICATES = Path("data/duplicates.parquet")
NEAR_PAIRS = Path("data/near_pairs.parquet")
SPLIT = Path("data/split.csv")
DATASET = Path("data/dataset")
DATASET_CARD = DATASET / "README.md"
CROISSANT = DATASET / "croissant.json"
CENSUS = Path("data/census.csv")
USED = Path("data/used")

MODEL = Path("models")

REPORTS = Path("reports")
FUNNEL = REPORTS / "funnel.csv"
FUNNEL_PLOT = REPORTS / "funnel.png"
SHEETS = REPORTS / "sheets"
AUDIT = REPORTS / "audit.json"
METRICS = REPORTS / "metrics.json"
HISTORY = REPORTS / "history.csv"
CURVES_PLOT = REPORTS / "learning_curves.png"
CONFUSION = REPORTS / "confusion.csv"
CONFUSION_PLOT = REPORTS / "confusion.png"
PREDICTIONS = REPORTS / "predictions.csv"
MISTAKES_PLOT = REPORTS / "mistakes.png"
CALIBRATION_PLOT = REPORTS / "calibration.png"
PROTOCOLS = REPORTS / "protocols.json"
PAGE = REPORTS / "report.html"

FOLDS = Path(".emo/protocols")


_COPIES = (".dvc", "tmp", "exps")
"""Folder of the copies of a project in which DVC runs experiments in parallel."""


def original(folder: Path) -> Path:
    """Return the project's own folder, of which `folder` may be a copy for an experiment.

    `dvc exp run --temp` and `dvc queue start` copy what Git knows, not `.emo`.
    """
    for parent in folder.parents:
        if parent.parts[-len(_COPIES) :] == _COPIES:
            return parent.parents[len(_COPIES) - 1]
    return folder


def project_root(start: Path) -> Path:
    """Return the nearest folder at or above `start` that holds a dvc.yaml."""
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file():
            return folder
    raise EmoError(
        f"{start}: no emo project here or in any folder above (no dvc.yaml); "
        "change to the folder of your clone of emo"
    )
