"""Checks of the decisions of raters. What they find is listed and is no violation."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pipeline.audit.gate.check import Finding, Scope, Topic, check
from pipeline.runtime.paths import CLIPS, DECISIONS
from pipeline.runtime.text import counted, listed
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import Decision
from pipeline.schema.ledger import Ledger
from pipeline.versions.version import Version

_SHOWN = 5


@check("labels changed by decisions only", Topic.LABELS, Scope.ENROLLED)
def labels_not_edited(clips: Sequence[Clip], earlier: Sequence[Version]) -> Finding:
    """No label was edited by hand in raw/clips.csv since it was committed; edits are listed, not faulted.

    `earlier` are versions, newest first. Raises UnavailableError if there is no history.
    """
    edits: dict[str, str] = {}
    for version in earlier:
        before = {(clip.clip, clip.sha256): clip.expression for clip in version.clips}
        for clip in clips:
            label = before.get((clip.clip, clip.sha256), clip.expression)
            if label != clip.expression:
                text = f"{clip.clip} {label} -> {clip.expression} (after {version.name})"
                edits.setdefault(clip.clip, text)
    if not edits:
        return Finding(True, counted(len(clips), "clip"))
    found = f"{counted(len(edits), 'label')} edited by hand in {CLIPS}: {listed(edits.values(), _SHOWN)}"
    return Finding(True, f"note: {found}; `emo relabel` also records who decided and why")


@check("decisions refer to clips", Topic.LABELS, Scope.ENROLLED)
def decisions_have_clips(
    ledger: Ledger,
    clips: Sequence[Clip],
    earlier_decisions: Collection[Decision],
    erased_recordings: Mapping[str, str],
) -> Finding:
    """Every decision is about an enrolled recording and clip, and none was removed; others are listed.

    `earlier_decisions` are those of earlier versions, `erased_recordings` the SHA-256 of recordings of
    withdrawn subjects, whose decisions are removed with them.
    """
    enrolled = {clip.sha256 for clip in clips}
    stale = [
        f"decision {row.decision}, {row.clip}: " + _why_unmatched(row, enrolled) for row in ledger.unmatched
    ]
    here = {_content(row) for row in ledger.decisions}
    gone = {_content(row) for row in earlier_decisions if row.recording not in erased_recordings} - here
    notes = [f"no longer in use: {listed(stale, _SHOWN)}"] if stale else []
    notes += (
        [f"{counted(len(gone), 'decision')} of earlier versions removed from {DECISIONS}"] if gone else []
    )
    fine = counted(len(ledger.decisions), "decision")
    return Finding(True, f"note: {'; '.join(notes)}; {fine} in all" if notes else fine)


def _why_unmatched(decision: Decision, enrolled: Collection[str]) -> str:
    if decision.recording not in enrolled:
        return "its recording is not enrolled"
    if decision.is_stretch:
        return "no clip covers this stretch of its recording"
    return "its recording has other clips now"


def _content(decision: Decision) -> Decision:
    """Return a decision without its number, which a merge may change."""
    return replace(decision, decision=1, extra={})
