"""The interface of face detectors: detection in a whole frame, and near a known face; no state between calls.

Tracking (`pipeline.faces.tracking`) and everything above it use detectors only through this interface. To add
one, write a module in `pipeline/faces/detectors`, list its settings class in `detectors/registry.py` and add
a section with its name to params.yaml.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, NamedTuple

import numpy as np

from pipeline.runtime.params import Checked

LEAST_PX = 8
"""Narrowest possible face, pixels."""

SAME_FACE = 0.3
"""Two boxes that overlap by this share of the smaller one show the same face."""


@dataclass(frozen=True)
class Box:
    """A bounding box in pixels of the frame that was searched; (x, y) is its top left corner."""

    x: float
    y: float
    w: float
    h: float

    @property
    def centre(self) -> tuple[float, float]:
        """The centre (x, y), pixels."""
        return self.x + self.w / 2, self.y + self.h / 2

    def overlap(self, other: "Box") -> float:
        """Return the area common to both boxes, as a share of the smaller one, 0..1."""
        wide = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        high = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return max(wide, 0) * max(high, 0) / min(self.w * self.h, other.w * other.h)

    def is_any_of(self, others: Iterable["Box"]) -> bool:
        """Return whether the box shows the same face as one of the others."""
        return any(self.overlap(other) >= SAME_FACE for other in others)


class Detection(NamedTuple):
    """One face found in one frame."""

    box: Box
    score: float
    "Confidence in the detector's own unit; higher is more confident."


class FaceSizes(NamedTuple):
    """Which face widths to search for, pixels of the frame."""

    smallest_px: float
    "Narrowest face to search for."
    largest_px: float
    "Widest face to search for."
    accepted_px: float
    "Widest face to accept if a closer search finds a face wider than the first search did."


class Fallback(Enum):
    """When a detector uses its fallback method, if it has one."""

    NEVER = "never"
    IF_NONE = "if nothing was found"
    ALWAYS = "always"


class FaceDetector(ABC):
    """Detects faces in grey frames, (H, W) uint8."""

    min_score: float = 0.0
    """Lowest mean score over a clip of a face that is accepted."""

    @abstractmethod
    def detect(
        self,
        grey: np.ndarray,
        sizes: FaceSizes,
        *,
        known: Sequence[Box] = (),
        fallback: Fallback = Fallback.IF_NONE,
    ) -> list[Detection]:
        """Detect the faces of a whole frame, except those that are already `known`.

        Args:
            grey: (H, W) uint8.
            sizes: The face widths to search for.
            known: Boxes of faces that are already tracked.
            fallback: When to use the fallback method, if the detector has one.

        Returns:
            One detection per face; no two of them overlap by `SAME_FACE` or more.
        """

    @abstractmethod
    def detect_near(self, grey: np.ndarray, last: Box, accepted_px: float) -> Detection | None:
        """Detect the face that is at `last` in the previous or the next frame; None if it is not found.

        Args:
            grey: (H, W) uint8, the whole frame.
            last: Box of the face in the other frame, pixels.
            accepted_px: Widest face to accept, pixels.
        """


@dataclass(frozen=True)
class DetectorSettings(Checked, ABC):
    """The settings of one detector: its section of params.yaml under `faces`."""

    NAME: ClassVar[str]
    "Name of the detector in params.yaml."
    EXPECTS_CROPS: ClassVar[bool] = False
    "Whether frames are face crops already, so that no margin is added."

    @abstractmethod
    def build(self) -> FaceDetector:
        """Return the detector."""


def distinct(detections: Iterable[Detection]) -> list[Detection]:
    """Keep the best of every group of overlapping boxes: a face is often detected at two sizes."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda found: -found.score):
        if not detection.box.is_any_of(other.box for other in kept):
            kept.append(detection)
    return kept


def check_grey(frame: np.ndarray) -> None:
    """Raise ValueError unless the frame is (H, W) uint8."""
    if frame.ndim != 2 or frame.dtype != np.uint8:
        raise ValueError(f"expected (H, W) uint8, got {frame.shape} {frame.dtype}")
