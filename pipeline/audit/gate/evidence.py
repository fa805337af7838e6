"""The evidence for the checks of the gate: the tables of raw/ and the outputs of the stages."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.audit.gate.check import Scope
from pipeline.audit.gate.elected import elected_pairs
from pipeline.dataset.images.params import consent_rule
from pipeline.dataset.near_duplicates.collapse import DedupParams
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import DATASET
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.dataset import read_dataset_shard, shard_paths
from pipeline.schema.duplicates import read_near_pairs
from pipeline.schema.funnel import FunnelRow, read_funnel
from pipeline.schema.image_subjects import subject_caveat
from pipeline.schema.ledger import Ledger, read_ledger
from pipeline.schema.participants import Participant, processable

_COLUMNS = ("label", "subject", "clip", "frame", "time_s")


@dataclass(frozen=True)
class Image:
    """One image of the dataset, without its pixels."""

    split: str
    "Folder of data/dataset that holds it."
    label: str
    subject: str
    clip: str
    frame: int
    time_s: float


class GateEvidence:
    """The project in the current directory. Each part is read once, and only if a check needs it."""

    @cached_property
    def participants(self) -> list[Participant]:
        """All enrolled participants, in that order."""
        return read_enrolment()[0]

    @cached_property
    def clips(self) -> list[Clip]:
        """All clips."""
        return read_enrolment()[1]

    @cached_property
    def ledger(self) -> Ledger:
        """The decisions of raters about all clips."""
        return read_ledger(self.clips)

    @cached_property
    def labelled(self) -> list[Clip]:
        """All clips with their effective expressions: as relabelled by decisions, else as asked."""
        return self.ledger.labelled(self.clips)

    @cached_property
    def funnel(self) -> list[FunnelRow]:
        """reports/funnel.csv."""
        return read_funnel()

    @cached_property
    def processable(self) -> frozenset[str]:
        """The subjects who have not withdrawn."""
        return processable(self.participants)

    @cached_property
    def showable(self) -> frozenset[str]:
        """The subjects who may have images: not withdrawn and, if that is required, with consent."""
        return processable(self.participants, self.consent_rule)

    @cached_property
    def consent_rule(self) -> str:
        """Whether unknown consent is `noted` or consent is `required`: `dataset: consent` of params.yaml."""
        return consent_rule()

    @cached_property
    def images(self) -> list[Image]:
        """The images of the dataset."""
        return self._read_images[0]

    @cached_property
    def classes(self) -> Sequence[str]:
        """The classes of the dataset, in the order of their labels."""
        return self._read_images[1]

    @cached_property
    def near_pairs(self) -> Sequence[dict[str, Any]]:
        """Images that are near-duplicates, as rows of data/near_pairs.parquet."""
        keys = {(image.clip, image.frame) for image in self.images}
        distance = load_params("dedup", DedupParams).pair_distance
        return [*read_near_pairs(), *elected_pairs(keys, self.clips, distance)]

    def caveat(self, scope: Scope) -> str:
        """Return the caveat of all figures if images have no subject; empty if all have one."""
        if scope is Scope.ENROLLED:
            return subject_caveat(len(self._image_subjects), len(self.participants))
        subjects = {image.subject for image in self.images}
        return subject_caveat(len(subjects & self._image_subjects), len(subjects))

    @cached_property
    def _image_subjects(self) -> frozenset[str]:
        return frozenset(participant.subject for participant in self.participants if participant.is_image)

    @cached_property
    def _read_images(self) -> tuple[list[Image], tuple[str, ...]]:
        return read_images()


def read_images(dataset: Path = DATASET) -> tuple[list[Image], tuple[str, ...]]:
    """Read the images of all shards, without their pixels, and the classes."""
    images: list[Image] = []
    classes: tuple[str, ...] = ()
    for path in shard_paths(dataset):
        shard = read_dataset_shard(path, _COLUMNS)
        classes = shard.classes
        images += [
            Image(
                shard.split, classes[row["label"]], row["subject"], row["clip"], row["frame"], row["time_s"]
            )
            for row in shard.rows()
        ]
    return images, classes
