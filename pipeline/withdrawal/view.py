"""What `emo withdraw` prints: a preview and an outcome as tables and as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipeline.runtime.text import TextTable
from pipeline.withdrawal.find.files import HeldFile
from pipeline.withdrawal.report import Outcome, erased_table, megabytes
from pipeline.withdrawal.withdraw import Preview


def preview_table(preview: Preview) -> TextTable:
    """Return the table of what would be erased, by place and kind."""
    plan = preview.plan
    rows = [*_rows_by_kind("workspace", plan.workspace), *_rows_by_kind("cache", plan.cache)]
    for stored in preview.stores:
        size = megabytes(stored.size_bytes)
        rows.append([stored.store, "objects of all versions", f"{stored.objects:,}", size])
    rows += [[store.name, f"NOT REACHED: {store.reason}", "", ""] for store in preview.unreached]
    return f"What would be erased of {plan.subject.code}", ["place", "what", "files", "MB"], rows


def preview_json(preview: Preview) -> dict[str, Any]:
    """Return plain values for `--json`."""
    places = (("workspace", preview.plan.workspace), ("cache", preview.plan.cache))
    return {
        "done": False,
        "subject": preview.plan.subject.code,
        "files": [
            {"place": place, "path": str(item.path), "what": item.kind, "bytes": item.size_bytes}
            for place, held in places
            for item in held
        ],
        "stores": [vars(stored) for stored in preview.stores],
        "unreached": [vars(store) for store in preview.unreached],
        "not_judged": [str(path) for path in preview.plan.not_judged],
    }


def outcome_table(outcome: Outcome) -> TextTable:
    """Return the table of what was erased, by place."""
    return f"What was erased of {outcome.plan.subject.code}", *erased_table(outcome)


def outcome_json(outcome: Outcome, commit: Sequence[str]) -> dict[str, Any]:
    """Return plain values for `--json`; `commit` are the files to commit."""
    proof = outcome.proof
    return {
        "done": True,
        "ok": outcome.ok,
        "subject": outcome.plan.subject.code,
        "erased": [vars(item) for item in outcome.erased],
        "unreached": [vars(store) for store in outcome.unreached],
        "linked_elsewhere": [str(path) for path in outcome.linked],
        "searched": {"files": proof.files, "bytes": proof.size_bytes, "looked_for": proof.images},
        "asked": proof.asked,
        "found": [vars(found) for found in proof.found],
        "asked_not_judged": proof.unlisted,
        "not_judged": [str(path) for path in outcome.plan.not_judged],
        "note": outcome.note,
        "history": outcome.history,
        "commit": list(commit),
    }


def _rows_by_kind(place: str, held: Sequence[HeldFile]) -> list[list[str]]:
    counts = Counter(item.kind for item in held)
    sizes: Counter[str] = Counter()
    for item in held:
        sizes[item.kind] += item.size_bytes
    return [[place, kind, f"{counts[kind]:,}", megabytes(sizes[kind])] for kind in sorted(counts)]
