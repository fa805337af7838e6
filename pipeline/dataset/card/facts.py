"""The facts about one version of the dataset that its card and croissant.json state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.dataset.card.decisions import DecisionCounts
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.image_subjects import subject_caveat
from pipeline.schema.participants import GIVEN, REQUIRED, UNKNOWN, WITHDRAWN, Participant
from pipeline.schema.split import SPLITS

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Facts:
    """One version of the dataset: the project's tables and settings, and what follows from them."""

    classes: Sequence[str]
    "The expressions, in the order of their labels."
    census: Sequence[CensusRow]
    "The number of images by split, subject and expression."
    participants: Sequence[Participant]
    "All rows of raw/participants.csv, withdrawn participants included."
    clips: Sequence[Clip]
    "The clips of participants who have not withdrawn."
    funnel: Mapping[str, int]
    "Frames by status, `sampled` first and `images` last."
    found: Mapping[str, tuple[int, int]]
    "By subject: frames with an accepted face, and frames searched; only subjects with searched frames."
    version: str
    "Version of the shards' layout, and a digest of all shards."
    params: Mapping[str, Any]
    "The sections of params.yaml that built the dataset: frames, faces, dedup, split, dataset."
    decisions: DecisionCounts = field(default_factory=DecisionCounts)
    "The decisions of raters that hold, by reason."

    @property
    def splits(self) -> list[str]:
        """The splits that hold an image."""
        return [name for name in SPLITS if any(row.split == name for row in self.census)]

    @property
    def images(self) -> int:
        """The number of images."""
        return sum(row.images for row in self.census)

    def subjects(self, split: str | None = None) -> list[Participant]:
        """Return the subjects with an image, in one split or in all."""
        present = {row.subject for row in self.census if split in (None, row.split)}
        return [person for person in self.participants if person.subject in present]

    # --- Subjects that stand for images -------------------------------------------------------------

    @cached_property
    def image_subjects(self) -> frozenset[str]:
        """The subjects that stand for single images of corpora without subject ids."""
        return frozenset(person.subject for person in self.participants if person.is_image)

    @property
    def subject_word(self) -> str:
        """What a subject is called: participant, unless some subjects stand for images."""
        return "subject" if self.caveat else "participant"

    @property
    def caveat(self) -> str:
        """The caveat of all metrics if images have no subject ids; else empty."""
        subjects = self.subjects()
        return subject_caveat(sum(person.is_image for person in subjects), len(subjects))

    # --- Participants -------------------------------------------------------------------------------

    def consenting(self, consent: str = GIVEN) -> int:
        """Return the number of participants with this consent."""
        return sum(person.consent == consent and not person.is_image for person in self.participants)

    @property
    def consent_unknown(self) -> list[str]:
        """The participants whose consent is unknown."""
        return [p.subject for p in self.participants if p.consent == UNKNOWN and not p.is_image]

    @property
    def consent_assumed(self) -> list[str]:
        """The participants whose consent is listed as given, but not where that is stated."""
        return [p.subject for p in self.participants if p.is_consent_assumed and not p.is_image]

    @property
    def requires_consent(self) -> bool:
        """Whether participants whose consent is unknown have no images."""
        return bool(self.params["dataset"].get("consent") == REQUIRED)

    @property
    def without_clips(self) -> list[str]:
        """The expressions of `dataset: expressions` that are no classes, because no clip has them."""
        return sorted(set(self.params["dataset"]["expressions"]) - set(self.classes))

    @property
    def withdrawn(self) -> int:
        """The number of participants who withdrew their consent."""
        return self.consenting(WITHDRAWN)

    def without_images(self, *, is_image: bool) -> int:
        """Return the number of enrolled participants, or of enrolled images, that have no image."""
        present = {person.subject for person in self.subjects()}
        missing = [p for p in self.participants if p.consent != WITHDRAWN and p.subject not in present]
        return sum(person.is_image == is_image for person in missing)

    @property
    def fewest_subjects(self) -> int:
        """The number of subjects of the smallest split."""
        return min(len(self.subjects(name)) for name in self.splits)

    # --- Recordings ---------------------------------------------------------------------------------

    @property
    def recorded(self) -> list[Clip]:
        """The clips of participants, without images of corpora that have no subject ids."""
        return [clip for clip in self.clips if clip.subject not in self.image_subjects]

    @property
    def has_stills(self) -> bool:
        """Whether some clips are still images."""
        return any(clip.is_still for clip in self.clips)

    @property
    def has_videos(self) -> bool:
        """Whether some clips are video."""
        return not all(clip.is_still for clip in self.clips)

    @property
    def duration(self) -> str:
        """The total duration of the participants' videos, in words."""
        seconds = sum(clip.duration_s for clip in recordings_of(self.recorded) if not clip.is_still)
        return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"

    @property
    def column_meanings(self) -> dict[str, str]:
        """The columns of a shard that give an image's origin, and what they hold."""
        stretch = in_kinds(self.clips, "stretch of video", "still image", joined=" or ")
        zero = "; 0 for a still image" if self.has_stills else ""
        return {
            "subject": "code of the participant" + (", or of the image itself" if self.caveat else ""),
            "clip": f"the labelled {stretch} that the image comes from",
            "frame": f"index among the recording's frames{zero}",
            "time_s": f"seconds of the player's clock of the recording{zero}",
        }

    # --- The share of frames in which a face was accepted -------------------------------------------

    @property
    def accepted_share(self) -> float:
        """The share of all searched frames."""
        return _share(self.found.values())

    @property
    def accepted_by_sex(self) -> dict[str, float]:
        """The share by sex."""
        sexes = {person.subject: person.sex or f"sex {NOT_KNOWN}" for person in self.participants}
        groups: dict[str, list[tuple[int, int]]] = {}
        for subject, counts in self.found.items():
            groups.setdefault(sexes[subject], []).append(counts)
        return {sex: _share(groups[sex]) for sex in sorted(groups)}

    @property
    def lowest_accepted_share(self) -> float:
        """The share of the subject with the lowest one."""
        return min(_share([counts]) for counts in self.found.values())


def in_kinds(clips: Sequence[Clip], videos: str, stills: str, *, joined: str = " and ") -> str:
    """Return the text about videos, the one about still images, or both, by which of them the clips are."""
    kinds = {clip.is_still for clip in clips}
    return joined.join(text for text, is_still in ((videos, False), (stills, True)) if is_still in kinds)


def recordings_of(clips: Iterable[Clip]) -> list[Clip]:
    """Return one clip per recording; what probing found is the same in all clips of a recording."""
    return list({clip.video: clip for clip in clips}.values())


def _share(counts: Iterable[tuple[int, int]]) -> float:
    accepted, searched = map(sum, zip(*counts, strict=True))
    return accepted / searched
