"""Corpora without subject ids: each image is its own subject, and all metrics carry that caveat."""

from collections.abc import Mapping

STANDS_FOR = "stands_for"
"""Column of raw/participants.csv and data/split.csv: `image` if the row is an image, else empty."""

IMAGE = "image"

POOLED = "(images)"
"""Name of the subject in tables in which all images without a subject id share a row."""

MEANING = "figures are of unseen images, not of unseen people"


def stands_for_image(extra: Mapping[str, str]) -> bool:
    """Return whether a row, by its further columns, is an image and not a participant."""
    return extra.get(STANDS_FOR, "") == IMAGE


def check_stands_for(extra: Mapping[str, str]) -> None:
    """Raise ValueError unless a row is a participant or an image."""
    if extra.get(STANDS_FOR, "") not in ("", IMAGE):
        raise ValueError(f"{STANDS_FOR}: {extra[STANDS_FOR]!r} is not {IMAGE} or empty")


def subject_caveat(images: int, subjects: int) -> str:
    """Return the caveat of metrics if `images` of the subjects are images; empty if none is."""
    if not images:
        return ""
    known = "none" if images == subjects else f"unknown for {images:,} of {subjects:,}"
    return f"{known}: each image is treated as its own subject"


def full_caveat(caveat: str) -> str:
    """Return a caveat with its explanation; empty if there is none."""
    return f"{caveat}; {MEANING}" if caveat else ""
