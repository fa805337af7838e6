"""Files whose content is already enrolled: they stay as they are, whatever their names or labels say now.

A folder that grows is ingested again and again; meanwhile its files are renamed, sorted and relabelled. What
is enrolled is changed by corrections only (`emo relabel`, or an edit of raw/clips.csv), never by an ingest; a
note lists the differences.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.ingest.layouts.layout import UnreadName
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.state import State
from pipeline.runtime.digests import sha256
from pipeline.runtime.paths import CLIPS
from pipeline.runtime.text import counted, listed
from pipeline.schema.clips import Clip

_SHOWN = 3
"""Differences that are listed; the others are counted."""


@dataclass
class KnownAndNew:
    """The proposals of an ingest, by whether their content is enrolled."""

    new: list[Proposal] = field(default_factory=list)
    unchanged: dict[str, Clip] = field(default_factory=dict)
    "Enrolled clips by id."
    known: list[Proposal] = field(default_factory=list)
    "Proposals whose clip is enrolled for the same subject."
    errors: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    "How names and labels differ from what is enrolled."
    moved: dict[str, dict[str, Proposal]] = field(default_factory=lambda: defaultdict(dict))
    "Subject as stated now -> subject as enrolled -> one such file."

    @property
    def notes(self) -> list[str]:
        """One line about all differences, if there are any."""
        if not self.differences:
            return []
        shown = "; ".join(self.differences[:_SHOWN])
        more = f"; and {len(self.differences) - _SHOWN} more" if len(self.differences) > _SHOWN else ""
        return [
            f"{counted(len(self.differences), 'file')} enrolled before under another name, label or stretch, "
            f"which stays (`emo relabel` corrects a label): {shown}{more}"
        ]


def sort_out_known(
    proposals: Iterable[Proposal],
    digests: Mapping[Path, str],
    state: State,
) -> KnownAndNew:
    """Return which proposals are enrolled and which are new.

    Args:
        proposals: What the ingest proposes to enrol.
        digests: SHA-256 of each file.
        state: What is enrolled, and how decisions corrected it.
    """
    enrolled: dict[str, list[Clip]] = defaultdict(list)
    for clip in state.clips:
        label = state.labels.get(clip.clip, clip.expression)
        enrolled[clip.sha256].append(replace(clip, expression=label))
    found = KnownAndNew()
    for proposal in proposals:
        _sort_out(proposal, enrolled[digests[proposal.path]], found)
    found.errors += _renamed_subjects(found)
    return found


def sort_out_unread(
    unread: Mapping[UnreadName, Sequence[Path]], enrolled: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return errors and notes on files whose names cannot be read.

    Args:
        unread: The files by what is wrong with their names.
        enrolled: SHA-256 of every enrolled recording; a file with such content was renamed.
    """
    errors, renamed = [], 0
    for finding, paths in unread.items():
        new = [path for path in paths if not (enrolled and sha256(path) in enrolled)]
        renamed += len(paths) - len(new)
        if new:
            also = f" and {len(new) - 1} more" if len(new) > 1 else ""
            errors.append(f"{new[0]}{also}: {'; '.join(filter(None, (finding.reason, finding.remedy)))}")
    notes = [f"{counted(renamed, 'file')} enrolled before under a name that could be read"] if renamed else []
    return errors, notes


def _sort_out(proposal: Proposal, clips: Sequence[Clip], found: KnownAndNew) -> None:
    if not clips:
        found.new.append(proposal)
        return
    is_whole = proposal.segment == (0.0, math.inf)
    same = [clip for clip in clips if is_whole or clip.segment == proposal.segment]
    same = [clip for clip in same if proposal.apex_s in (None, clip.apex_s)]
    if not same:
        error = _conflict(proposal, clips)
        (found.errors if error else found.new).append(error or proposal)  # type: ignore[arg-type]
        return
    found.unchanged |= {clip.clip: clip for clip in same}
    if same[0].subject == proposal.subject:
        found.known.append(proposal)
    else:
        found.moved[proposal.subject].setdefault(same[0].subject, proposal)
    if (proposal.segment, proposal.label) not in {(clip.segment, clip.label) for clip in same}:
        enrolled = listed(f"{clip.clip}, {clip.label}{_times(clip)}" for clip in same)
        found.differences.append(f"{proposal.where} ({proposal.label}) is {enrolled}")


def _times(clip: Clip) -> str:
    """Return the stretch of a clip, for messages; empty for a whole recording."""
    if clip.segment == (0.0, math.inf):
        return ""
    return f" from {clip.segment[0]:g} s to {'the end' if clip.end_s is None else f'{clip.end_s:g} s'}"


def _conflict(proposal: Proposal, clips: Sequence[Clip]) -> str:
    """Return why a new stretch of an enrolled recording contradicts its clips; empty if it does not."""
    start_s, end_s = proposal.segment
    for clip in clips:
        if clip.subject != proposal.subject:
            remedy = "a recording belongs to one subject; correct the subject"
        elif clip.segment == proposal.segment:
            remedy = f"to set or correct the apex, edit apex_s in its row of {CLIPS}"
        elif clip.segment[0] < end_s and start_s < clip.segment[1]:
            remedy = "a stretch is enrolled once; correct start_s and end_s, or leave it out"
        else:
            continue
        return (
            f"{proposal.where}: {proposal.label}: this recording is enrolled as {clip.clip} "
            f"({clip.label}); {remedy}"
        )
    return ""


def _renamed_subjects(found: KnownAndNew) -> list[str]:
    """Return an error for each new code that may be another code of an enrolled subject.

    That is so if recordings of the enrolled subject now bear the new code, which also has new recordings, and
    no file bears the enrolled code any more.
    """
    still_named = {proposal.subject for proposal in found.known}
    new = {proposal.subject for proposal in found.new}
    return [
        f"{first.where}: enrolled as a recording of {before}, now named as one of {now}, who also has new "
        f"recordings: one subject or two? name the new recordings {before}, or leave this file out"
        for now, others in sorted(found.moved.items())
        for before, first in sorted(others.items())
        if now in new and before not in still_named
    ]
