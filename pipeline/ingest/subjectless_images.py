"""Images of corpora without subject ids: each becomes its own subject, with an id made from its content."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.ingest.inspection import InspectedFile
from pipeline.ingest.proposals import Proposal, Proposals
from pipeline.ingest.state import State
from pipeline.runtime.paths import CLIPS, WITHDRAWALS
from pipeline.schema.clips import Clip
from pipeline.schema.image_subjects import IMAGE
from pipeline.schema.participants import WITHDRAWN

COPY = "copy of another image"
CONTRADICTORY = "same image under several expressions"
RELABELLED = "enrolled under another expression, which is kept"
GONE = f"withdrawn ({WITHDRAWALS})"

_MAX_NOTES = 3

_DIGITS = 16
"""Digits of the SHA-256 in an id. The risk that any two of a million images share them is 1 in 37 million."""


def as_own_subjects(proposals: Proposals, found: Mapping[Path, InspectedFile], state: State) -> Proposals:
    """Make each image without a subject its own subject, and keep each image once.

    The id depends only on the content: an image is the same subject under any path and file name. Copies,
    withdrawn images and images under several expressions are skipped and counted. An enrolled image keeps its
    expression; a note names files that have another one.
    """
    images = [(found[p.path].sha256, p) for p in proposals.clips if not p.subject and p.path in found]
    enrolled = {clip.sha256: clip for clip in state.clips}
    withdrawn = _withdrawn(state)
    labels: dict[str, set[str]] = defaultdict(set)
    for digest, clip in images:
        labels[digest].add(clip.expression)
    kept: dict[str, Proposal] = {}
    skipped: Counter[str] = Counter()
    relabelled: list[str] = []
    for digest, clip in images:
        known = enrolled.get(digest)
        if digest[:_DIGITS] in withdrawn:
            skipped[GONE] += 1
        elif known and known.expression != clip.expression:
            skipped[RELABELLED] += 1
            relabelled.append(_relabelled(clip, known))
        elif not known and len(labels[digest]) > 1:
            skipped[CONTRADICTORY] += 1
        elif digest in kept:
            skipped[COPY] += 1
        else:
            kept[digest] = _with_subject(clip, digest, known, proposals.layout)
    if (more := len(relabelled) - _MAX_NOTES) > 0:
        relabelled[_MAX_NOTES:] = [f"{more:,} more images are enrolled under another expression"]
    return replace(
        proposals,
        clips=[*(clip for clip in proposals.clips if clip.subject), *kept.values()],
        skipped=proposals.skipped | skipped,
        notes=[*proposals.notes, *relabelled],
    )


def _withdrawn(state: State) -> set[str]:
    """Return the digests of withdrawn images, as ids contain them."""
    subjects = {subject for digest, subject in state.withdrawn.items() if subject.endswith(digest[:_DIGITS])}
    subjects |= {p.subject for p in state.participants if p.is_image and p.consent == WITHDRAWN}
    return {subject[-_DIGITS:] for subject in subjects}


def _relabelled(clip: Proposal, known: Clip) -> str:
    return (
        f"{clip.where}: {clip.expression}, but enrolled as {known.clip}, which is kept; if its label is "
        f"wrong, correct it in {CLIPS}, or remove it with `emo withdraw {known.subject}`"
    )


def _with_subject(clip: Proposal, digest: str, enrolled: Clip | None, layout: str) -> Proposal:
    """Return the proposal with the id of its content, or of the clip as which it is enrolled."""
    name = f"{layout}_{digest[:_DIGITS]}"
    if enrolled and enrolled.subject.endswith(digest[:_DIGITS]):
        name, clip = enrolled.subject, replace(clip, source=enrolled.extra.get("source", ""))
    hint = f"{name}_{clip.expression}"
    return replace(clip, subject=name, code=name, clip=hint, video=hint, folder=layout, stands_for=IMAGE)
