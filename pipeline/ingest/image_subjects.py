"""Pictures of nobody known: each is made a subject of its own, named by its content."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.ingest.inspection import Found
from pipeline.ingest.proposals import Proposal, Proposals
from pipeline.ingest.state import State
from pipeline.runtime.paths import CLIPS, WITHDRAWALS
from pipeline.schema.clips import Clip
from pipeline.schema.image_subjects import IMAGE
from pipeline.schema.participants import WITHDRAWN

AGAIN = "the same picture again"
CONTRADICTED = "the same picture under several expressions"
RELABELLED = "enrolled under another expression, and stays so"
GONE = f"withdrawn ({WITHDRAWALS})"

_SHOWN = 3
"""Notes told before the rest is counted."""

_DIGITS = 16
"""Of the SHA-256: two of a million pictures share them by chance once in 37 million corpora."""


def as_own_subjects(proposals: Proposals, found: Mapping[Path, Found], state: State) -> Proposals:
    """Return the proposals with an id for every picture that has no subject, and each picture once.

    The id is made of the content: wherever a picture lies and however it is called, it is the same subject.
    Counted as skipped are copies, pictures that were withdrawn, and those under several expressions: nobody
    can tell which is right. What is enrolled stays so, under the expression that it is enrolled with; a note
    tells where pictures say another.
    """
    alone = [(found[p.path].sha256, p) for p in proposals.clips if not p.subject and p.path in found]
    enrolled = {clip.sha256: clip for clip in state.clips}
    gone = _withdrawn(state)
    labels: dict[str, set[str]] = defaultdict(set)
    for digest, clip in alone:
        labels[digest].add(clip.expression)
    kept: dict[str, Proposal] = {}
    skipped: Counter[str] = Counter()
    other_label: list[str] = []
    for digest, clip in alone:
        known = enrolled.get(digest)
        if digest[:_DIGITS] in gone:
            skipped[GONE] += 1
        elif known and known.expression != clip.expression:
            skipped[RELABELLED] += 1
            other_label.append(f"{clip.where}: {clip.expression}, but enrolled as {_said(known)}")
        elif not known and len(labels[digest]) > 1:
            skipped[CONTRADICTED] += 1
        elif digest in kept:
            skipped[AGAIN] += 1
        else:
            kept[digest] = _named(clip, digest, known, proposals.layout)
    people = [clip for clip in proposals.clips if clip.subject]
    notes = [*proposals.notes, *_capped(other_label)]
    return replace(
        proposals, clips=[*people, *kept.values()], skipped=proposals.skipped | skipped, notes=notes
    )


def _withdrawn(state: State) -> set[str]:
    """Return the digests, as ids hold them, of withdrawn images; people are told elsewhere."""
    listed = {subject for digest, subject in state.withdrawn.items() if subject.endswith(digest[:_DIGITS])}
    listed |= {person.subject for person in state.people if person.is_image and person.consent == WITHDRAWN}
    return {subject[-_DIGITS:] for subject in listed}


def _said(clip: Clip) -> str:
    return (
        f"{clip.clip}, which stays; if its label is wrong, correct it in {CLIPS}, or take it out with "
        f"`emo withdraw {clip.subject}`"
    )


def _capped(notes: Sequence[str]) -> list[str]:
    more = len(notes) - _SHOWN
    return [
        *notes[:_SHOWN],
        *([f"{more:,} more pictures are enrolled under another label"] if more > 0 else []),
    ]


def _named(clip: Proposal, digest: str, enrolled: Clip | None, layout: str) -> Proposal:
    """Return the proposal under the name of its content, or of the clip that it is enrolled as."""
    name = f"{layout}_{digest[:_DIGITS]}"
    if enrolled and enrolled.subject.endswith(digest[:_DIGITS]):
        name, clip = enrolled.subject, replace(clip, source=enrolled.extra.get("source", ""))
    hint = f"{name}_{clip.expression}"
    return replace(clip, subject=name, written=name, clip=hint, video=hint, folder=layout, stands_for=IMAGE)
