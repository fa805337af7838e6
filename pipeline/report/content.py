"""The parts of the report. A part that cannot be shown is replaced by the reason; the others stay."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.audit.run import Audit, run_audit
from pipeline.dataset.card.decisions import DecisionCounts
from pipeline.dataset.card.facts import in_kinds
from pipeline.report.counts import (
    Funnel,
    ImageCounts,
    Splits,
    count_frames,
    count_images,
    count_subjects,
    read_decision_counts,
    read_image_subjects,
)
from pipeline.report.faces import SHOWN_PAIRS, FaceImages, NearPair, closest_pairs, read_face_images
from pipeline.report.protocols import Protocols, read_protocols
from pipeline.report.provenance import (
    CheckedOut,
    Provenance,
    VersionHistory,
    read_checked_out,
    read_provenance,
    read_versions,
)
from pipeline.report.results import (
    Confusion,
    ModelMetrics,
    Training,
    read_confusion,
    read_metrics,
    read_training,
)
from pipeline.runtime.errors import EmoError
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import counted
from pipeline.schema.checkpoint import ModelCard, read_card
from pipeline.schema.participants import GIVEN, REQUIRED, UNKNOWN, named_or_counted
from pipeline.versions.git import Repository
from pipeline.versions.stale import not_evaluated
from pipeline.versions.version import Version, workspace

T = TypeVar("T")

NO_FACES = "this copy was made without images of faces (--no-faces)"


@dataclass(frozen=True)
class Absent:
    """A part that cannot be shown."""

    reason: str
    "One line."


@dataclass(frozen=True)
class Report:
    """Everything that the page shows."""

    version: Version
    "Of the workspace."
    outdated: tuple[str, ...]
    "Folders of the dataset that changed since the model was evaluated on them."
    caveat: str
    "The caveat of all metrics if images have no subject id; empty if all have one."
    checked_out: CheckedOut | Absent
    audit: Audit | Absent
    funnel: Funnel | Absent
    decisions: DecisionCounts | Absent
    "The decisions of raters by reason."
    census: ImageCounts | Absent
    splits: Splits | Absent
    near_pairs: Sequence[NearPair] | Absent
    training: Training | Absent
    test: ModelMetrics | Absent
    confusion: Confusion | Absent
    protocols: Protocols | Absent | None
    "None if `emo protocols` was not run."
    history: VersionHistory | Absent
    provenance: Provenance | Absent
    model: ModelCard | Absent
    faces: FaceImages | Absent

    @property
    def verdict(self) -> str:
        """The verdict of the audit in a few words."""
        if isinstance(self.audit, Absent):
            return "not audited"
        return "the audit passed" if self.audit.ok else "the audit FAILED"

    @property
    def verdicts(self) -> Counter[str]:
        """The number of checks by verdict: ok, FAILED or skipped."""
        rows = [] if isinstance(self.audit, Absent) else self.audit.rows()
        return Counter(verdict for _, verdict, _ in rows)

    @property
    def sources(self) -> str:
        """The number of video clips and still images that the dataset was made from."""
        clips = self.version.processable_clips
        stills = sum(clip.is_still for clip in clips)
        return in_kinds(clips, counted(len(clips) - stills, "video clip"), counted(stills, "still image"))

    @property
    def sampling(self) -> str:
        """How the frames were chosen, in a sentence or two."""
        videos = "Frames were taken from every recording at regular times."
        stills = "Every still image was used."
        return in_kinds(self.version.processable_clips, videos, stills, joined=" ") or videos

    @property
    def consent(self) -> str:
        """Whose consent is given, unknown, assumed or withdrawn, in words."""
        enrolled = self.version.participants
        people = [one for one in enrolled if not one.is_image]
        parts = []
        if people:
            present = [one for one in people if one.subject in self.version.processable]
            given = sum(one.consent == GIVEN for one in present)
            withdrawn = len(people) - len(present) or "none"
            parts.append(f"given by {counted(given, 'participant')}, withdrawn by {withdrawn}")
            parts += [self.unknown_consent] if self.unknown_consent else []
            assumed = [one for one in present if one.is_consent_assumed]
            parts += [f"assumed, not stated, for {named_or_counted(assumed)}"] if assumed else []
        if len(people) < len(enrolled):
            parts.append("for images without a subject id, see the corpus that they come from")
        return "; ".join(parts)

    @property
    def unknown_consent(self) -> str:
        """The participants whose consent is unknown, and whether they have images; may be empty."""
        unknown = [
            one
            for one in self.version.participants
            if one.consent == UNKNOWN and one.subject in self.version.processable and not one.is_image
        ]
        if not unknown:
            return ""
        is_required = self.version.settings.get("dataset.consent") == REQUIRED
        images = "without images in the dataset" if is_required else "with images in the dataset"
        return f"unknown for {counted(len(unknown), 'participant')} {images}: {named_or_counted(unknown)}"


def gather(*, faces: bool = True) -> Report:
    """Read all parts from the project in the current folder; without `faces`, no image of a face is read."""
    version, repository = workspace(Path()), Repository(Path())
    image_subjects, caveat = read_image_subjects()
    near_pairs, confusion = attempt(closest_pairs), attempt(read_confusion)
    wanted = _shown_images(near_pairs, confusion)
    return Report(
        version=version,
        outdated=not_evaluated(version),
        caveat=caveat,
        checked_out=attempt(lambda: read_checked_out(repository)),
        audit=attempt(audited),
        funnel=attempt(lambda: count_frames(image_subjects)),
        decisions=attempt(lambda: read_decision_counts(version)),
        census=attempt(lambda: count_images(image_subjects)),
        splits=attempt(lambda: count_subjects(version.settings)),
        near_pairs=near_pairs,
        training=attempt(read_training),
        test=attempt(read_metrics),
        confusion=confusion,
        protocols=attempt(lambda: read_protocols(version)),
        history=attempt(lambda: read_versions(repository)),
        provenance=attempt(lambda: read_provenance(version)),
        model=attempt(read_card),
        faces=attempt(lambda: read_face_images(wanted, image_subjects)) if faces else Absent(NO_FACES),
    )


def attempt(read: Callable[[], T]) -> T | Absent:
    """Return what `read` returns, or the first line of its EmoError as the reason for its absence."""
    try:
        return read()
    except EmoError as error:
        return Absent(str(error).splitlines()[0].removeprefix(".: "))


def audited() -> Audit:
    """Run all checks on the current files."""
    with progress_bar("audit", 1) as advance:
        audit = run_audit()
        advance()
    return audit


def _shown_images(near_pairs: Sequence[NearPair] | Absent, confusion: Confusion | Absent) -> set[str]:
    """Return the names of the images that the page shows one by one."""
    names: set[str] = set()
    if not isinstance(near_pairs, Absent):
        names.update(name for pair in near_pairs[:SHOWN_PAIRS] for name in (pair.first, pair.second))
    if not isinstance(confusion, Absent):
        names.update(row.image for row in confusion.mistakes)
    return names
