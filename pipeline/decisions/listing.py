"""`emo decisions`: the ledger, and what holds of it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pipeline.decisions.record import decision_json, read_study
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS
from pipeline.runtime.text import counted, listed
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import Decision
from pipeline.schema.ledger import Ledger, ledger_of

HEADER = ["decision", "date", "clip", "seconds", "action", "reason", "rater", "holds"]

HOLDS, IN_PART, SUPERSEDED, NO_CLIP = "yes", "in part", "no: superseded", "no: no clip"


@dataclass(frozen=True)
class Listing:
    """Decisions with their state, and what holds for the clips that they are about."""

    decisions: tuple[tuple[Decision, str], ...]
    "In the order of entry, each with HOLDS, IN_PART, SUPERSEDED or NO_CLIP."
    clips: tuple[Clip, ...]
    "The clips that they are about, with their expressions as asked."
    ledger: Ledger

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "decisions": [decision_json(row) | {"holds": state} for row, state in self.decisions],
            "clips": [self._clip_json(clip) for clip in self.clips],
        }

    def rows(self) -> list[list[str]]:
        """Return the rows of the table."""
        return [
            [
                str(row.decision),
                row.date,
                row.clip,
                f"{row.start_s:g}..{row.end_s:g}" if row.is_stretch else "all",
                f"{row.action} {row.value}".strip(),
                row.reason,
                row.rater or "-",
                state,
            ]
            for row, state in self.decisions
        ]

    def summary(self) -> list[str]:
        """Return what holds now, one line for each clip that is not as it was asked and recorded."""
        return [line for clip in self.clips if (line := self._clip_text(clip))]

    def totals(self) -> str:
        """Return how many clips are excluded and relabelled, in a line."""
        whole = sum(self.ledger.is_excluded(clip) for clip in self.clips)
        part = sum(self.ledger.has_excluded(clip) for clip in self.clips) - whole
        labels = sum(self.ledger.label(clip) != clip.expression for clip in self.clips)
        return (
            f"now: {counted(whole, 'clip')} excluded, {counted(part, 'clip')} excluded in part, "
            f"{counted(labels, 'clip')} relabelled"
        )

    def _clip_json(self, clip: Clip) -> dict[str, Any]:
        stretches = self.ledger.exclusions(clip)
        return {
            "clip": clip.clip,
            "asked": clip.expression,
            "expression": self.ledger.label(clip),
            "excluded": self.ledger.is_excluded(clip),
            "exclusions": [
                {"start_s": one.start_s, "end_s": one.end_s, "decision": one.decision.decision}
                for one in stretches
            ],
        }

    def _clip_text(self, clip: Clip) -> str:
        label, stretches = self.ledger.label(clip), self.ledger.exclusions(clip)
        parts = [f"labelled {label}, asked for {clip.expression}"] if label != clip.expression else []
        if self.ledger.is_excluded(clip):
            parts.append("excluded")
        elif stretches:
            times = (f"{one.start_s:g}..{one.end_s:g} s" for one in stretches)
            parts.append(f"excluded from {listed(times, 4)}")
        return f"{clip.clip}: {'; '.join(parts)}" if parts else ""


def list_decisions(name: str = "") -> Listing:
    """Return all decisions, or those about one clip; raise EmoError with similar ids if it is unknown."""
    study = read_study()
    clips = list(study.clips.values())
    ledger = ledger_of(study.decisions, clips)
    if name:
        _check_known(name, study.clips, study.decisions)
        clips = [clip for clip in clips if clip.clip == name]
    own = {row.decision for clip in clips for row in ledger.of(clip)}
    rows = [row for row in study.decisions if not name or row.clip == name or row.decision in own]
    states = _states(ledger, list(study.clips.values()))
    return Listing(
        tuple((row, states[row.decision]) for row in rows),
        tuple(clip for clip in clips if ledger.of(clip)),
        ledger,
    )


def _check_known(name: str, clips: Mapping[str, Clip], decisions: Sequence[Decision]) -> None:
    known = {*clips, *(row.clip for row in decisions)}
    if name not in known:
        near = get_close_matches(name, sorted(known), n=3)
        hint = f"did you mean {listed(near)}?" if near else f"{CLIPS} lists the clips"
        raise EmoError(f"{name}: no clip has this id; {hint}")


def _states(ledger: Ledger, clips: Sequence[Clip]) -> dict[int, str]:
    """Return for each decision whether it holds."""
    holding: set[int] = set()
    superseded: set[int] = set()
    matched: set[int] = set()
    for clip in clips:
        rows = ledger.of(clip)
        matched |= {row.decision for row in rows}
        stretches = ledger.decided(clip)
        relabel = ledger.relabel_of(clip)
        own = {one.decision.decision for one in stretches} | ({relabel.decision} if relabel else set())
        holding |= own
        superseded |= {row.decision for row in rows if _is_cut(row, rows)}
    return {
        row.decision: NO_CLIP
        if row.decision not in matched
        else SUPERSEDED
        if row.decision not in holding
        else IN_PART
        if row.decision in superseded
        else HOLDS
        for row in ledger.decisions
    }


def _is_cut(row: Decision, rows: Sequence[Decision]) -> bool:
    """Return whether a later decision covers a part of what a decision about being in or out covers."""
    return any(
        other.decision > row.decision
        and not (row.decides_label or other.decides_label)
        and (
            other.start_s is None
            or row.start_s is None
            or (other.start_s < (row.end_s or 0) and row.start_s < (other.end_s or 0))
        )
        for other in rows
    )
