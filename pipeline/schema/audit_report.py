"""reports/audit.json: the verdict of the gate on the dataset."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.files import write_text
from pipeline.runtime.paths import AUDIT
from pipeline.runtime.text import listed
from pipeline.schema.image_subjects import full_caveat


@dataclass(frozen=True)
class AuditRow:
    """One check of the gate."""

    name: str
    ok: bool
    detail: str
    "Evidence in one line."


def write_audit_report(rows: Sequence[AuditRow], caveat: str = "", path: Path = AUDIT) -> None:
    """Write the verdict; it has the key `subjects` only if images have no subject."""
    report: dict[str, Any] = {"subjects": full_caveat(caveat)} if caveat else {}
    report |= {"ok": all(row.ok for row in rows), "checks": [asdict(row) for row in rows]}
    write_text(path, json.dumps(report, indent=2) + "\n")


def read_audit_report(path: Path = AUDIT) -> dict[str, Any]:
    """Return the content of the file; raise EmoError if it is missing or damaged."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotBuiltError(f"{path}: no such file; run `dvc repro audit`") from None
    except (ValueError, RecursionError):
        raise EmoError(f"{path}: not valid JSON; run `dvc repro --force audit`") from None
    if not isinstance(report, dict):
        raise EmoError(f"{path}: not the report of an audit; run `dvc repro --force audit`")
    return report


def check_audit(path: Path = AUDIT) -> None:
    """Raise EmoError unless the gate has been run and has passed."""
    report = read_audit_report(path)
    if report.get("ok") is not True:
        failed = [check["name"] for check in report.get("checks", []) if not check["ok"]]
        raise EmoError(f"{path}: the audit failed: {listed(failed)}; fix the dataset, then train")
