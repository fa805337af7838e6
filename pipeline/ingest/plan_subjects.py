"""The subjects that an ingest understood, as its plan shows them before anything is enrolled."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.ingest.pattern_hints import hint
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.subject_codes import counters


@dataclass(frozen=True)
class PlannedSubject:
    """One subject of an ingest."""

    subject: str
    new: bool
    "Whether the subject is enrolled for the first time."
    clips: int
    "Number of clips in this ingest, including those that are enrolled already."
    sessions: tuple[str, ...]
    "Sorted; empty if names or manifest state none."
    expressions: tuple[str, ...]
    "Sorted."
    example: str
    "Path of one of the recordings, as the layout reads it."


def planned_subjects(proposals: Iterable[Proposal], enrolled: Iterable[str]) -> tuple[PlannedSubject, ...]:
    """Return the subjects in the order of their ids, without images that are their own subjects."""
    known = set(enrolled)
    groups: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        if not proposal.stands_for:
            groups[proposal.subject].append(proposal)
    return tuple(_planned(groups[subject], is_new=subject not in known) for subject in sorted(groups))


def _planned(clips: Sequence[Proposal], *, is_new: bool) -> PlannedSubject:
    return PlannedSubject(
        subject=clips[0].subject,
        new=is_new,
        clips=len(clips),
        sessions=tuple(sorted({clip.session for clip in clips} - {""})),
        expressions=tuple(sorted({clip.expression for clip in clips})),
        example="/".join(clips[0].order),
    )


def counted_codes(proposals: Iterable[Proposal], enrolled: Iterable[str]) -> list[str]:
    """Return one error if codes in file names may end with a take or session: `anna1`, `anna2`."""
    first = {proposal.subject: proposal for proposal in reversed(list(proposals))}
    known = set(enrolled)
    groups = [codes for codes in counters([*known, *first]).values() if set(codes) - known]
    if not groups:
        return []
    codes = sorted(code for group in groups for code in group)
    new = first[next(code for code in groups[0] if code not in known)]
    pattern = hint(PurePosixPath(*new.order), (_stem(new.code), new.code))
    also = f" and {len(codes) - 2} more" if len(codes) > 2 else ""
    return [
        f"{new.where}: the codes {codes[0]}, {codes[1]}{also} may end with the number of a take or session: "
        f"one subject each? give {pattern}, or a --manifest"
    ]


def _stem(code: str) -> str:
    return code.rstrip("0123456789") if code[-1:].isdigit() else code[:-1]
