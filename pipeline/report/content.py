"""What the report tells, part by part; a part that is not built yet says so and hides no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.audit.run import run_audit
from pipeline.dataset.card.facts import in_kinds
from pipeline.report.faces import SHOWN_PAIRS, Faces, NearPair, read_faces, read_near_pairs
from pipeline.report.origin import (
    Net,
    Origin,
    Past,
    Provenance,
    read_net,
    read_origin,
    read_past,
    read_provenance,
)
from pipeline.report.people import (
    Census,
    Funnel,
    Splits,
    read_census,
    read_funnel,
    read_splits,
    read_subjects,
)
from pipeline.report.protocols import Protocols, read_protocols
from pipeline.report.results import Confusion, Test, Training, read_confusion, read_test, read_training
from pipeline.runtime.errors import EmoError
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import counted
from pipeline.versions.git import Repository
from pipeline.versions.stale import not_evaluated
from pipeline.versions.version import Version, workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Absent:
    """A part that cannot be shown."""

    reason: str
    "one line"


@dataclass(frozen=True)
class Check:
    """One check of the audit."""

    name: str
    verdict: str
    "ok, FAILED or skipped"
    detail: str
    "the evidence, or what is at fault"


@dataclass(frozen=True)
class Audit:
    """The verdict on the dataset."""

    ok: bool
    checks: tuple[Check, ...]

    def count(self, verdict: str) -> int:
        """Return how many checks came to this verdict."""
        return sum(check.verdict == verdict for check in self.checks)


@dataclass(frozen=True)
class Report:
    """All that the page shows."""

    version: Version
    "of the workspace"
    outdated: tuple[str, ...]
    "parts of the dataset that are not those that the net was trained and tested on"
    caveat: str
    "what stands beside every figure where images have no subject; empty where all have one"
    origin: Origin | Absent
    audit: Audit | Absent
    funnel: Funnel | Absent
    census: Census | Absent
    splits: Splits | Absent
    near_pairs: Sequence[NearPair] | Absent
    training: Training | Absent
    test: Test | Absent
    confusion: Confusion | Absent
    protocols: Protocols | Absent | None
    "None where `emo protocols` was not run"
    past: Past | Absent
    provenance: Provenance | Absent
    net: Net | Absent
    faces: Faces | Absent

    @property
    def verdict(self) -> str:
        """The verdict of the audit in a few words."""
        if isinstance(self.audit, Absent):
            return "not audited"
        return "the audit passed" if self.audit.ok else "the audit FAILED"

    @property
    def sources(self) -> str:
        """How many clips of video, and how many pictures, the images come from."""
        clips = self.version.consented
        stills = sum(clip.is_still for clip in clips)
        return in_kinds(clips, f"{counted(len(clips) - stills, 'clip')} of video", counted(stills, "picture"))

    @property
    def sampled(self) -> str:
        """Which pictures were looked at, in a sentence or two."""
        videos = "Pictures were taken from every recording at regular times."
        stills = "Every picture of the corpus was looked at."
        return in_kinds(self.version.consented, videos, stills, joined=" ") or videos

    @property
    def consent(self) -> str:
        """How many people gave their consent, and how many withdrew it."""
        enrolled = self.version.people
        people = {person.subject for person in enrolled if not person.is_image}
        given = len(people & self.version.consenting)
        gone = len(people - self.version.consenting)
        told = f"given by {given:,} {'person' if given == 1 else 'people'}, withdrawn by {gone or 'nobody'}"
        corpus = "of the images without a subject, their corpus must tell"
        return "; ".join([told] * bool(people) + [corpus] * (len(people) < len(enrolled)))


NO_FACES = "this copy was made without pictures of faces (--no-faces)"


def gather(*, faces: bool = True) -> Report:
    """Read all parts from the project in the current folder; without `faces` no picture that shows one."""
    version, repository = workspace(Path()), Repository(Path())
    alone, caveat = read_subjects()
    near_pairs, confusion = attempt(read_near_pairs), attempt(read_confusion)
    wanted = _names(near_pairs, confusion)
    return Report(
        version=version,
        outdated=not_evaluated(version),
        caveat=caveat,
        origin=attempt(lambda: read_origin(repository)),
        audit=attempt(read_audit),
        funnel=attempt(lambda: read_funnel(alone)),
        census=attempt(lambda: read_census(alone)),
        splits=attempt(lambda: read_splits(version.settings)),
        near_pairs=near_pairs,
        training=attempt(read_training),
        test=attempt(read_test),
        confusion=confusion,
        protocols=attempt(lambda: read_protocols(version)),
        past=attempt(lambda: read_past(repository)),
        provenance=attempt(lambda: read_provenance(version)),
        net=attempt(read_net),
        faces=attempt(lambda: read_faces(wanted, alone)) if faces else Absent(NO_FACES),
    )


def attempt(read: Callable[[], T]) -> T | Absent:
    """Return what `read` returns, or why it cannot: the first line of its EmoError."""
    try:
        return read()
    except EmoError as error:
        return Absent(str(error).splitlines()[0].removeprefix(".: "))


def read_audit() -> Audit:
    """Make all checks on the files as they are."""
    with progress_bar("audit", 1) as advance:
        found = run_audit()
        advance()
    return Audit(found.ok, tuple(Check(*row) for row in found.rows()))


def _names(near_pairs: Sequence[NearPair] | Absent, confusion: Confusion | Absent) -> set[str]:
    """Return the images that the page shows one by one."""
    names: set[str] = set()
    if not isinstance(near_pairs, Absent):
        names.update(name for pair in near_pairs[:SHOWN_PAIRS] for name in (pair.first, pair.second))
    if not isinstance(confusion, Absent):
        names.update(answer.image for answer in confusion.mistakes)
    return names
