"""All protocols: ways of dividing the images of a dataset into training, validation and test.

A new protocol is one function and one line here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.learning.protocols import partitions
from pipeline.learning.protocols.material import Material
from pipeline.learning.protocols.partitions import ALL, Partition
from pipeline.schema.split import TEST, VALIDATION


@dataclass(frozen=True)
class Protocol:
    """One way of dividing images."""

    divide: Callable[[Material, int], Sequence[Partition]]
    "Function of material and seed that returns the folds."
    leaks: bool = False
    "Whether a subject can be on both sides: other protocols are compared with it."
    uses_seed: bool = False
    "Whether the seed changes the folds, not only the training."
    fold_per_subject: bool = False
    "Whether each subject is a fold; if subjects are images, it runs only when named."


def frame_random(material: Material, seed: int) -> list[Partition]:
    """Divide the images of each class at random."""
    return [partitions.frame_random(material.pool.labels.numpy(), material.shares, seed)]


def subject_wise(material: Material, _seed: int) -> list[Partition]:
    """Divide by the split of the dataset."""
    split = material.split
    return [partitions.by_subject(material.pool.subjects, ALL, split[VALIDATION], split[TEST])]


def k_fold(material: Material, _seed: int) -> list[Partition]:
    """Use each fold of subjects as the test once."""
    return partitions.k_fold(material.pool.subjects, material.folds)


def leave_one_subject_out(material: Material, _seed: int) -> list[Partition]:
    """Use each subject as the test once."""
    return partitions.leave_one_out(material.pool.subjects, material.folds)


PROTOCOLS = {
    "frame-random": Protocol(frame_random, leaks=True, uses_seed=True),
    "subject-wise": Protocol(subject_wise),
    "k-fold": Protocol(k_fold),
    "leave-one-subject-out": Protocol(leave_one_subject_out, fold_per_subject=True),
}
"""By name, in the order of the table: the leaky one first, then those by subject."""

LEAKY = next(name for name, protocol in PROTOCOLS.items() if protocol.leaks)
"""The protocol with which the others are compared."""
