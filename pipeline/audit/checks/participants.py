"""Checks of who is here: every clip is somebody's, and nothing is left of people who withdrew."""

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
    """One file that holds pictures of somebody."""

    folder: Path
    "raw/videos, data/frames, data/faces or data/dataset"
    subject: str
    "empty where no table knows it"
    sha256: str = ""
    "of the recording that it is or was made of; empty where it is not known"


@dataclass(frozen=True)
class Withdrawn:
    """Who withdrew, as far as tables and history tell."""

    subjects: Mapping[str, str]
    "subject -> where it says so"
    digests: Mapping[str, str]
    "SHA-256 of a recording -> its subject"
    note: str = ""
    "what could not be looked at"
    given: Sequence[str] = ()
    "those of them whom raw/participants.csv lists as consenting"
    unfinished: Sequence[str] = ()
    "those of them whose erasure was begun here, and is not done and proved"
    returned: int = 0
    "erased objects that are in DVC's cache again"

    def owner(self, piece: Piece) -> str:
        """Return who withdrew and is in a piece; empty where nobody is."""
        return self.digests.get(piece.sha256, piece.subject if piece.subject in self.subjects else "")


@check("every clip has a participant", Topic.PARTICIPANTS, Scope.ENROLLED)
def clips_of_participants(clips: Sequence[Clip], people: Sequence[Participant]) -> Finding:
    """The subject of every clip has a row in raw/participants.csv."""
    known = {person.subject for person in people}
    faults = [f"{clip.clip} of {clip.subject}" for clip in clips if clip.subject not in known]
    return verdict(faults, f"{len(clips)} clips of {len(known)} people", f"add the row to {PARTICIPANTS}")


@check("no data of withdrawn subjects", Topic.PARTICIPANTS, Scope.ENROLLED)
def nothing_left(pieces: Iterable[Piece], withdrawn: Withdrawn) -> Finding:
    """No recording, frames, faces or images are here of people who withdrew, under whatever code."""
    left: dict[str, list[Piece]] = {}
    for piece in pieces:
        if owner := withdrawn.owner(piece):
            left.setdefault(owner, []).append(piece)
    faults = [_told(subject, left[subject], withdrawn) for subject in sorted(left)]
    faults += [f"{subject} stands as consenting in {PARTICIPANTS}" for subject in withdrawn.given]
    faults += [f"the erasure of {subject} is not finished" for subject in withdrawn.unfinished]
    faults += [f"{withdrawn.returned} erased objects are in DVC's cache again"] if withdrawn.returned else []
    whose = sorted({*left, *withdrawn.given, *withdrawn.unfinished}) or sorted(withdrawn.subjects)
    remedy = f"run {listed(f'`emo withdraw {subject}`' for subject in whose)}"
    return verdict(faults, f"{len(withdrawn.subjects) or 'nobody'} withdrew{withdrawn.note}", remedy)


def _told(subject: str, pieces: Sequence[Piece], withdrawn: Withdrawn) -> str:
    counts = Counter(piece.folder.as_posix() for piece in pieces)
    codes = sorted({piece.subject for piece in pieces} - {subject, ""})
    code = f", under the code {listed(codes)}" if codes else ""
    where = ", ".join(f"{count} in {folder}" for folder, count in counts.items())
    return f"{subject}, withdrawn in {withdrawn.subjects.get(subject, WITHDRAWALS)}: files: {where}{code}"
