"""reports/audit.json: the verdict of the gate on the dataset."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import write_text
from pipeline.runtime.json_files import read_json_object
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
    return read_json_object(path, remedy="run `dvc repro --force audit`", missing="run `dvc repro audit`")


def check_audit(path: Path = AUDIT) -> None:
    """Raise EmoError unless the gate has been run and has passed."""
    report = read_audit_report(path)
    if report.get("ok") is not True:
        failed = _failed(report, path)
        raise EmoError(f"{path}: the audit failed: {listed(failed)}; fix the dataset, then train")


def _failed(report: Mapping[str, Any], path: Path) -> list[str]:
    """Return the names of the checks that failed; raise EmoError if the report has another format."""
    try:
        return [str(check["name"]) for check in report.get("checks", []) if not check["ok"]]
    except (TypeError, LookupError):
        raise EmoError(f"{path}: not the report of an audit; run `dvc repro --force audit`") from None
