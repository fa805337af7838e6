"""Stage audit: the gate. Checks the dataset for leakage and consistency; fails if a check fails.

Training depends on reports/audit.json, so no model is trained on a dataset that fails.
"""

import pipeline.runtime

# isort: split
import pipeline.audit.gate.checks  # noqa: F401 (registers the checks)
from pipeline.audit.gate.check import Scope, registered, with_caveat
from pipeline.audit.gate.evidence import GateEvidence
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import AUDIT
from pipeline.runtime.stage import logger, run_stage
from pipeline.runtime.text import listed
from pipeline.schema.audit_report import AuditRow, write_audit_report


def audit(evidence: GateEvidence) -> list[AuditRow]:
    """Run every check of the gate."""
    rows = []
    for check in registered().values():
        if check.is_gate:
            finding = with_caveat(check(evidence), evidence.caveat(check.scope))
            rows.append(AuditRow(check.name, finding.ok, finding.detail))
    return rows


def main() -> None:
    """Write reports/audit.json; raise EmoError if a check fails."""
    evidence = GateEvidence()
    rows = audit(evidence)
    write_audit_report(rows, evidence.caveat(Scope.IMAGES))
    for row in rows:
        logger.info("%s %s: %s", "ok    " if row.ok else "FAILED", row.name, row.detail)
    if failed := [row.name for row in rows if not row.ok]:
        raise EmoError(
            f"{AUDIT}: {len(failed)} of {len(rows)} checks failed; no model is trained until they pass: "
            f"{listed(failed)}"
        )


if __name__ == "__main__":
    run_stage("pipeline.stages.audit")
