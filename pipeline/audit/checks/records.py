"""Checks of what dvc.lock says about how outputs were made, against what the stages stored themselves."""

from pipeline.audit.gate.check import Finding, Scope, Topic, check, verdict
from pipeline.runtime.text import counted, listed
from pipeline.versions.stage_records import RecordComparison


@check("outputs made as recorded", Topic.FILES, Scope.ENROLLED)
def made_as_recorded(records: RecordComparison) -> Finding:
    """Settings, tables and code in dvc.lock are those that each stage used when it ran, in every version."""
    violations = [f"{text} ({listed(versions, 3)})" for text, versions in records.false.items()]
    notes = [f"{counted(records.compared, 'record')} compared with dvc.lock"]
    if records.before:
        verb = "was" if len(records.before) == 1 else "were"
        notes.append(f"{counted(len(records.before), 'version')} {verb} made before emo kept records")
    if records.absent:
        notes.append(f"records of {listed(records.absent, 3)} are not here; `dvc fetch --all-commits`")
    remedy = "run `dvc repro --force --single-item STAGE`, then `dvc repro`; for older commits, use --since"
    return verdict(violations, "; ".join(notes), remedy)
