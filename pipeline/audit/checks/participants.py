"""Checks of participants: every clip has one, and no data of withdrawn subjects are left."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.audit.gate.check import Finding, Scope, Topic, check, verdict
from pipeline.runtime.paths import PARTICIPANTS, WITHDRAWALS
from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip
from pipeline.schema.participants import Participant


@dataclass(frozen=True)
class Piece:
    """One file that holds frames or images of a subject."""

    folder: Path
    "raw/videos, data/frames, data/faces or data/dataset."
    subject: str
    "Subject that the file shows; empty if no table lists it."
    sha256: str = ""
    "SHA-256 of the recording that it is or was made from; empty if unknown."


@dataclass(frozen=True)
class Withdrawn:
    """The subjects who withdrew, by the tables and the history."""

    subjects: Mapping[str, str]
    "subject -> where the withdrawal is recorded."
    digests: Mapping[str, str]
    "SHA-256 of a recording -> its subject."
    note: str = ""
    "Tables that could not be read."
    still_listed: Sequence[str] = ()
    "Withdrawn subjects that raw/participants.csv does not list as withdrawn."
    unfinished: Sequence[str] = ()
    "Subjects whose erasure was begun here and is not finished and proved."
    returned: int = 0
    "Erased objects that are in DVC's cache again."

    def owner(self, piece: Piece) -> str:
        """Return the withdrawn subject whose data a file holds; empty if there is none."""
        return self.digests.get(piece.sha256, piece.subject if piece.subject in self.subjects else "")


@check("every clip has a participant", Topic.PARTICIPANTS, Scope.ENROLLED)
def clips_of_participants(clips: Sequence[Clip], participants: Sequence[Participant]) -> Finding:
    """The subject of every clip has a row in raw/participants.csv."""
    known = {participant.subject for participant in participants}
    violations = [f"{clip.clip} of {clip.subject}" for clip in clips if clip.subject not in known]
    return verdict(
        violations, f"{len(clips)} clips of {len(known)} participants", f"add the row to {PARTICIPANTS}"
    )


@check("no data of withdrawn subjects", Topic.PARTICIPANTS, Scope.ENROLLED)
def nothing_left(pieces: Iterable[Piece], withdrawn: Withdrawn) -> Finding:
    """No recordings, frames, faces or images of withdrawn subjects are here, under any code."""
    left: dict[str, list[Piece]] = {}
    for piece in pieces:
        if owner := withdrawn.owner(piece):
            left.setdefault(owner, []).append(piece)
    violations = [_left(subject, left[subject], withdrawn) for subject in sorted(left)]
    violations += [f"{subject} is not withdrawn in {PARTICIPANTS}" for subject in withdrawn.still_listed]
    violations += [f"the erasure of {subject} is not finished" for subject in withdrawn.unfinished]
    violations += (
        [f"{withdrawn.returned} erased objects are in DVC's cache again"] if withdrawn.returned else []
    )
    subjects = sorted({*left, *withdrawn.still_listed, *withdrawn.unfinished}) or sorted(withdrawn.subjects)
    remedy = f"run {listed(f'`emo withdraw {subject}`' for subject in subjects)}"
    return verdict(violations, f"{len(withdrawn.subjects)} withdrawn{withdrawn.note}", remedy)


def _left(subject: str, pieces: Sequence[Piece], withdrawn: Withdrawn) -> str:
    counts = Counter(piece.folder.as_posix() for piece in pieces)
    codes = sorted({piece.subject for piece in pieces} - {subject, ""})
    code = f", under the code {listed(codes)}" if codes else ""
    where = ", ".join(f"{count} in {folder}" for folder, count in counts.items())
    return f"{subject}, withdrawn in {withdrawn.subjects.get(subject, WITHDRAWALS)}: files: {where}{code}"
