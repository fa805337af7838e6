"""reports/funnel.csv: the status of every sampled frame, counted clip by clip, and what each status means."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.paths import FUNNEL

STATUS_MEANINGS = {
    "sampled": "all frames that were sampled",
    "corrupt": "the recording is damaged there and the frame cannot be decoded",
    "no_face": "no frontal face was found that could be tracked",
    "several_faces": "more than one person could be the participant",
    "too_small": "the face has too few pixels",
    "blurred": "the face crop is less sharp than the threshold",
    "excluded": "left out by a person's decision",
    "duplicates": "near-duplicates of a sharper image, which was kept",
    "other_class": "the expression is not one of the dataset's classes",
    "no_consent": "consent of the participant is not stated, and the dataset requires it",
    "images": "in the dataset",
}
"""By column of reports/funnel.csv: the one wording of each status, for card, report and documentation."""


@dataclass(frozen=True, kw_only=True)
class FunnelRow:
    """One row of reports/funnel.csv: how many sampled frames of a clip have each status."""

    clip: str
    subject: str
    expression: str
    split: str
    sampled: int
    "Number of sampled frames: the sum of the columns that follow."
    corrupt: int
    no_face: int
    several_faces: int
    too_small: int
    blurred: int
    excluded: int = 0
    "Left out by a decision (raw/decisions.csv)."
    duplicates: int
    other_class: int
    no_consent: int = 0
    "Left out because consent is unknown and `dataset: consent` is `required`."
    images: int
    problem: str = ""
    "Why no frame of the clip could be read; empty if frames could be read."


def faces_found(funnel: Sequence[FunnelRow]) -> dict[str, tuple[int, int]]:
    """Return by subject the number of frames with an accepted face, and of frames that were searched.

    Subjects without a searched frame are left out.
    """
    counts: dict[str, tuple[int, int]] = {}
    for row in funnel:
        faces, frames = counts.get(row.subject, (0, 0))
        faces += row.excluded + row.duplicates + row.other_class + row.no_consent + row.images
        counts[row.subject] = (faces, frames + row.sampled - row.corrupt)
    return {subject: (faces, frames) for subject, (faces, frames) in counts.items() if frames}


def read_funnel(path: Path = FUNNEL) -> list[FunnelRow]:
    """Return the rows of reports/funnel.csv."""
    return read_csv(path, FunnelRow, key="clip", made_by="dataset")


def funnel_totals(funnel: Sequence[FunnelRow]) -> dict[str, int]:
    """Return the sum over all clips of each column of the funnel, in its order."""
    names = [field.name for field in fields(FunnelRow) if field.type is int]
    return {name: sum(getattr(row, name) for row in funnel) for name in names}
