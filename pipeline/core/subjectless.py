"""Corpora that tell no subjects: each image counts as a subject of its own, and every figure says so."""

from collections.abc import Mapping

STANDS_FOR = "stands_for"
"""Column of raw/participants.csv and data/split.csv: what a row stands for, empty where it is a person."""

IMAGE = "image"

NOBODY = "(images)"
"""Stands in tables where subjects do, for all images without one: one row, not thousands."""

MEANING = "figures are of unseen images, not of unseen people"


def stands_for_image(extra: Mapping[str, str]) -> bool:
    """Tell from a row's further columns whether it stands for an image, and nobody knows of whom."""
    return extra.get(STANDS_FOR, "") == IMAGE


def check_stands_for(extra: Mapping[str, str]) -> None:
    """Raise ValueError unless a row stands for a person or for an image."""
    if extra.get(STANDS_FOR, "") not in ("", IMAGE):
        raise ValueError(f"{STANDS_FOR}: {extra[STANDS_FOR]!r} is not {IMAGE} or empty")


def subjects_mark(images: int, subjects: int) -> str:
    """Return what stands beside every figure where `images` of the subjects are images; empty for people."""
    if not images:
        return ""
    known = "none" if images == subjects else f"not known of {images:,} of {subjects:,}"
    return f"{known}: each image counts as its own"


def in_full(mark: str) -> str:
    """Return a mark with what it means, for where there is room; empty where there is none."""
    return f"{mark}; {MEANING}" if mark else ""
