"""Which decisions may be recorded: about an enrolled clip, within it, with a reason, and with an effect."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from pipeline.decisions.proposals import Proposal
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARAMS
from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import EXCLUDE, RELABEL, Decision
from pipeline.schema.expressions import EXPRESSIONS, canonical
from pipeline.schema.ledger import Ledger, bounds, ledger_of


@dataclass(frozen=True)
class Study:
    """What the rules need to know of a study."""

    clips: Mapping[str, Clip]
    "All enrolled clips, by id."
    decisions: Sequence[Decision]
    "The ledger, in the order of entry."
    withdrawn: frozenset[str]
    "Subjects who have withdrawn consent."
    declared: tuple[str, ...]
    "The classes of params.yaml, which may be labels beyond the seven expressions."

    @cached_property
    def recordings(self) -> dict[str, list[Clip]]:
        """The clips of each recording, by its SHA-256."""
        found: dict[str, list[Clip]] = {}
        for clip in self.clips.values():
            found.setdefault(clip.sha256, []).append(clip)
        return found


def decide(proposals: Sequence[Proposal], study: Study, *, first: int, today: str) -> list[Decision]:
    """Return the decisions to append to the ledger, numbered from `first`.

    A proposal is judged after those before it. Raises EmoError with one line for each that is refused.
    """
    rows: dict[str, list[Decision]] = {}
    for row in study.decisions:
        rows.setdefault(row.recording, []).append(row)
    decided: list[Decision] = []
    errors: list[str] = []
    for proposal in proposals:
        try:
            clip = _clip(proposal.clip, study)
            own = rows.setdefault(clip.sha256, [])
            decision = _decision(proposal, clip, study, number=first + len(decided), today=today)
            _check_effect(decision, clip, ledger_of(own, study.recordings[clip.sha256]))
        except ValueError as error:
            errors.append(f"{proposal.where}: {error}")
            continue
        own.append(decision)
        decided.append(decision)
    if errors:
        raise EmoError(*errors)
    return decided


def _clip(name: str, study: Study) -> Clip:
    """Return the clip of this id; raise ValueError with similar ids if it is not enrolled, or withdrawn."""
    if not name:
        raise ValueError("clip: empty; give the id of a clip")
    if name not in study.clips:
        gone = [subject for subject in sorted(study.withdrawn) if name.startswith(f"{subject}_")]
        if gone:
            raise ValueError(f"{gone[0]} has withdrawn consent, and has no clips any more")
        near = get_close_matches(name, study.clips, n=3)
        hint = f"did you mean {listed(near)}?" if near else f"{CLIPS} lists the clips"
        raise ValueError(f"no clip has the id {name!r}; {hint}")
    clip = study.clips[name]
    if clip.subject in study.withdrawn:
        raise ValueError(
            f"{clip.subject} has withdrawn consent; `emo withdraw {clip.subject}` erases the data"
        )
    return clip


def _decision(proposal: Proposal, clip: Clip, study: Study, *, number: int, today: str) -> Decision:
    """Return the decision that a proposal asks for; raise ValueError if it may not be recorded."""
    if proposal.error:
        raise ValueError(proposal.error)
    if not proposal.reason.strip():
        raise ValueError("reason: empty; say why in one line (--reason)")
    start_s, end_s = _stretch(proposal, clip)
    if proposal.action == RELABEL:
        if start_s is not None:
            raise ValueError("a whole clip has one label; exclude the stretch instead (`emo exclude`)")
        value = _expression(proposal.value, study)
    else:
        value = proposal.value  # refused by Decision unless it is empty
    return Decision(
        decision=number,
        recording=clip.sha256,
        clip=clip.clip,
        start_s=start_s,
        end_s=end_s,
        action=proposal.action,
        value=value,
        reason=proposal.reason.strip(),
        rater=proposal.rater.strip(),
        date=today,
    )


def _stretch(proposal: Proposal, clip: Clip) -> tuple[float | None, float | None]:
    """Return the stretch in whole milliseconds; (None, None) is the whole clip."""
    if proposal.start_s is None and proposal.end_s is None:
        return None, None
    first, last = bounds(clip)
    start_s = first if proposal.start_s is None else proposal.start_s
    end_s = last if proposal.end_s is None else proposal.end_s
    if not (math.isfinite(start_s) and math.isfinite(end_s) and start_s < end_s):
        raise ValueError(f"from {start_s:g} to {end_s:g} s is no stretch: the start must be before the end")
    if start_s < first or end_s > last:
        raise ValueError(
            f"from {start_s:g} to {end_s:g} s is not within the clip, {first:g} to {last:g} s; give seconds "
            "of the recording, as `emo trace` lists them"
        )
    return _milliseconds(start_s, math.floor), _milliseconds(end_s, math.ceil)


def _milliseconds(time_s: float, rounded: Callable[[float], int]) -> float:
    """Return a time in whole milliseconds; a start rounded down and an end up lose no frame."""
    return rounded(round(time_s * 1000, 3)) / 1000


def _expression(word: str, study: Study) -> str:
    """Return the label that a word names; raise ValueError with similar ones if there is none."""
    if not word:
        raise ValueError("expression: empty; give the new label of the clip")
    found = canonical(word, study.declared)
    if found is None:
        known = sorted({*EXPRESSIONS, *study.declared})
        near = get_close_matches(word.lower(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {listed(known, 20)}"
        raise ValueError(
            f"unknown expression {word!r}; {hint} ({PARAMS}: dataset: expressions declares others)"
        )
    return found


def _check_effect(decision: Decision, clip: Clip, ledger: Ledger) -> None:
    """Raise ValueError if what the decision asks for holds already."""
    stretch = (decision.start_s, decision.end_s)
    if decision.action == RELABEL:
        if ledger.label(clip) == decision.value:
            raise ValueError(f"is labelled {decision.value} already; nothing to change")
    elif decision.action == EXCLUDE:
        if ledger.is_excluded(clip, *stretch):
            numbers = listed(dict.fromkeys(one.decision.decision for one in ledger.exclusions(clip)))
            raise ValueError(f"is excluded already (decision {numbers}); nothing to change")
    elif not ledger.has_excluded(clip, *stretch):
        raise ValueError("is not excluded; nothing to change")
