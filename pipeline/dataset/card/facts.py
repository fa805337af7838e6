"""What a version of the dataset is described from, in the dataset card and in croissant.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.image_subjects import subject_caveat
from pipeline.schema.participants import Participant
from pipeline.schema.split import SPLITS


@dataclass(frozen=True)
class Facts:
    """What a version of the dataset is described from: tables of the project, and its settings."""

    classes: Sequence[str]
    "the expressions, in the order of their labels"
    census: Sequence[CensusRow]
    people: Sequence[Participant]
    "everybody in raw/participants.csv, also who withdrew"
    clips: Sequence[Clip]
    "those of people whose consent is given"
    funnel: Mapping[str, int]
    "frames by what became of them: `sampled` first, `images` last"
    found: Mapping[str, tuple[int, int]]
    "by subject: frames with an accepted face, frames searched for one; nobody without such a frame"
    version: str
    "what a shard looks like, and a digest of all shards"
    params: Mapping[str, Any]
    "the sections of params.yaml that made the dataset: frames, faces, dedup, split, dataset"

    @property
    def splits(self) -> list[str]:
        """The splits that hold an image."""
        return [name for name in SPLITS if any(row.split == name for row in self.census)]

    @property
    def images(self) -> int:
        """The number of images."""
        return sum(row.images for row in self.census)

    def subjects(self, split: str | None = None) -> list[Participant]:
        """Return the people with an image, in one split or in all."""
        present = {row.subject for row in self.census if split in (None, row.split)}
        return [person for person in self.people if person.subject in present]

    @property
    def alone(self) -> frozenset[str]:
        """The subjects that are no people, but images of corpora without subjects."""
        return frozenset(person.subject for person in self.people if person.is_image)

    @property
    def whose(self) -> str:
        """What a subject is called: a participant, where every one is."""
        return "subject" if self.caveat else "participant"

    @property
    def caveat(self) -> str:
        """What stands beside every figure where images have no subject; empty where all have one."""
        subjects = self.subjects()
        return subject_caveat(sum(person.is_image for person in subjects), len(subjects))
