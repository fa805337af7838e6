"""Pictures of nobody known: each is made a subject of its own, named by its content."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.core.enrolment import Clip
from pipeline.core.subjectless import IMAGE
from pipeline.ingest.proposals import Proposal, Proposals
from pipeline.ingest.videos import Found

AGAIN = "the same picture again"
CONTRADICTED = "the same picture under several expressions"

_DIGITS = 16
"""Of the SHA-256: two of a million pictures share them by chance once in 37 million corpora."""


def as_own_subjects(proposals: Proposals, found: Mapping[Path, Found], known: Sequence[Clip]) -> Proposals:
    """Return the proposals with an id for every picture that has no subject, and each picture once.

    The id is made of the content: wherever a picture lies and however it is called, it is the same subject.
    Copies are counted as skipped. Of a picture under several expressions, here or in the clips `known`,
    nobody can tell which is right: it is left out, and counted.
    """
    alone = [clip for clip in proposals.clips if not clip.subject and clip.path in found]
    digests = [found[clip.path].sha256 for clip in alone]
    enrolled = {clip.sha256: clip for clip in known}
    labels: dict[str, set[str]] = defaultdict(set)
    for digest, clip in zip(digests, alone, strict=True):
        labels[digest] |= {clip.expression, *([enrolled[digest].expression] if digest in enrolled else [])}
    kept: dict[str, Proposal] = {}
    skipped: Counter[str] = Counter()
    for digest, clip in zip(digests, alone, strict=True):
        if len(labels[digest]) > 1:
            skipped[CONTRADICTED] += 1
        elif digest in kept:
            skipped[AGAIN] += 1
        else:
            kept[digest] = _named(clip, digest, enrolled.get(digest), proposals.layout)
    people = [clip for clip in proposals.clips if clip.subject]
    return replace(proposals, clips=[*people, *kept.values()], skipped=proposals.skipped | skipped)


def _named(clip: Proposal, digest: str, enrolled: Clip | None, layout: str) -> Proposal:
    """Return the proposal under the name of its content, or of the clip that it is enrolled as."""
    name = f"{layout}_{digest[:_DIGITS]}"
    if enrolled and enrolled.subject.endswith(digest[:_DIGITS]):
        name, clip = enrolled.subject, replace(clip, source=enrolled.extra.get("source", ""))
    hint = f"{name}_{clip.expression}"
    return replace(clip, subject=name, written=name, clip=hint, video=hint, folder=layout, stands_for=IMAGE)
