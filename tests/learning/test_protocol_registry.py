"""Every registered protocol divides the images as it declares."""

import dataclasses
from itertools import chain

import numpy as np
import pytest
import torch

from pipeline.learning.protocols.image_pool import ImagePool
from pipeline.learning.protocols.material import Material
from pipeline.learning.protocols.partitions import Partition
from pipeline.learning.protocols.plan import ProtocolsRequest, requested
from pipeline.learning.protocols.registry import LEAKY, PROTOCOLS
from pipeline.schema.split import SPLITS
from tests.support.trainings import CLASSES, PARAMS

IMAGES_EACH = 10
SUBJECTS = [f"p{number}" for number in range(1, 9)]

EXPECTED = {
    "frame-random": (1, 18),  # 80 images: 2 of 10 and 3 times 6 of 23 to 24, rounded by class
    "subject-wise": (1, 20),
    "k-fold": (4, 80),
    "leave-one-subject-out": (8, 80),
}
"""Number of folds and of tested images for eight subjects of ten images; a new protocol is added here."""


@pytest.fixture(scope="module")
def material() -> Material:
    subjects = np.repeat(SUBJECTS, IMAGES_EACH)
    pixels = torch.zeros(len(subjects), 1, 4, 4, dtype=torch.uint8)
    labels = torch.arange(len(subjects)) % len(CLASSES)
    return Material(
        pool=ImagePool(pixels, labels, CLASSES, subjects),
        split={"train": ("p1", "p2", "p3", "p4"), "validation": ("p5", "p6"), "test": ("p7", "p8")},
        folds={subject: number % 4 for number, subject in enumerate(SUBJECTS)},
        caveat="",
        params=PARAMS,
        shares=(0.2, 0.22),
        collapsed=None,
    )


def positions(partition: Partition) -> list[list[int]]:
    return [getattr(partition, side).tolist() for side in SPLITS]


def test_all_protocols_are_expected() -> None:
    assert list(EXPECTED) == list(PROTOCOLS)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_folds_and_tested_images(name: str, material: Material) -> None:
    folds = PROTOCOLS[name].divide(material, 0)
    tested = list(chain.from_iterable(fold.test.tolist() for fold in folds))
    assert (len(folds), len(tested)) == EXPECTED[name]
    assert len(set(tested)) == len(tested)  # no image is tested twice
    assert len({fold.fold for fold in folds}) == len(folds)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_fold_has_each_image_once(name: str, material: Material) -> None:
    for fold in PROTOCOLS[name].divide(material, 0):
        assert all(positions(fold))
        assert sorted(chain(*positions(fold))) == list(range(len(material.pool.labels)))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_subjects_are_on_several_sides_only_if_it_leaks(name: str, material: Material) -> None:
    for fold in PROTOCOLS[name].divide(material, 0):
        sides = [set(material.pool.subjects[side].tolist()) for side in positions(fold)]
        overlap = sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
        assert bool(overlap) == PROTOCOLS[name].leaks


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_seed_matters_only_if_declared(name: str, material: Material) -> None:
    first, again, other = (
        [positions(fold) for fold in PROTOCOLS[name].divide(material, seed)] for seed in (0, 0, 1)
    )
    assert first == again
    assert (first != other) == PROTOCOLS[name].uses_seed


def test_exactly_one_protocol_is_the_leaky_reference() -> None:
    assert [name for name, protocol in PROTOCOLS.items() if protocol.leaks] == [LEAKY]


def test_which_protocols_run(material: Material) -> None:
    assert requested(ProtocolsRequest(), material) == list(PROTOCOLS)
    images = dataclasses.replace(material, caveat="none: each image is treated as its own subject")
    assert requested(ProtocolsRequest(), images) == [
        n for n, p in PROTOCOLS.items() if not p.fold_per_subject
    ]
    named = ProtocolsRequest(("leave-one-subject-out", "k-fold"))
    assert requested(named, images) == ["k-fold", "leave-one-subject-out"]
