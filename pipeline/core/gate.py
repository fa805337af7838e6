"""The gate before every training: the stage audit's verdict on the dataset."""

import json
from pathlib import Path

from pipeline.core.errors import EmoError, listed
from pipeline.core.paths import AUDIT


def check_audit(path: Path = AUDIT) -> None:
    """Raise EmoError unless the audit of the dataset has been run and is good."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; run `dvc repro audit`") from None
    except (ValueError, RecursionError):
        raise EmoError(f"{path}: not valid JSON; run `dvc repro --force audit`") from None
    if not isinstance(report, dict):
        raise EmoError(f"{path}: not the report of an audit; run `dvc repro --force audit`")
    if report.get("ok") is not True:
        failed = [check["name"] for check in report.get("checks", []) if not check["ok"]]
        raise EmoError(f"{path}: the audit failed: {listed(failed)}; mend the dataset, then train")
