"""What a face detector is: it finds faces in one frame, or near where a face was; it keeps nothing between
calls.

Tracking (`pipeline.faces.tracking`) and everything above it know detectors only by this interface. To add
one, write a module in `pipeline/faces/detectors` and list its settings class in `detectors/registry.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, NamedTuple

import numpy as np

LEAST_PX = 8
"""Narrower detections are no faces, whatever the image; pixels."""

SAME_FACE = 0.3
"""Boxes that overlap by this share of the smaller one show one face."""


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
    "the detector's confidence, in a unit of its own; higher is surer"


class FaceSizes(NamedTuple):
    """Which face widths to search for, pixels of the frame."""

    smallest_px: float
    largest_px: float
    accepted_px: float
    "widest face accepted where a closer look finds a face wider than the search did"


class Fallback(Enum):
    """When a detector that has a second, costlier method uses it; others ignore this."""

    NEVER = "never"
    IF_NONE = "if nothing was found"
    ALWAYS = "always"


class FaceDetector(ABC):
    """Finds faces in grey frames, (H, W) uint8."""

    min_score: float = 0.0
    """Mean score that a person must reach over a clip."""

    @abstractmethod
    def detect(
        self,
        grey: np.ndarray,
        sizes: FaceSizes,
        *,
        known: Sequence[Box] = (),
        fallback: Fallback = Fallback.IF_NONE,
    ) -> list[Detection]:
        """Find the faces of a whole frame, without those that are `known` already.

        Args:
            grey: (H, W) uint8.
            sizes: The face widths to search for.
            known: Boxes of faces that are followed already.
            fallback: When to use the detector's second method, if it has one.

        Returns:
            One detection a face; no two of them overlap by `SAME_FACE` or more.
        """

    @abstractmethod
    def detect_near(self, grey: np.ndarray, last: Box, accepted_px: float) -> Detection | None:
        """Find the face that was at `last` in the frame before or after; None where it is not there.

        Args:
            grey: (H, W) uint8, the whole frame.
            last: Where the face was.
            accepted_px: Widest face accepted, pixels.
        """


@dataclass(frozen=True)
class DetectorSettings(ABC):
    """The settings of one detector: its section of params.yaml under `faces`."""

    NAME: ClassVar[str]
    "as in params.yaml"
    EXPECTS_CROPS: ClassVar[bool] = False
    "the frames are face crops already: nothing is searched for, and no margin is added"

    @abstractmethod
    def build(self) -> FaceDetector:
        """Return the detector."""


def distinct(detections: Iterable[Detection]) -> list[Detection]:
    """Keep the best of every group of overlapping boxes: one face is often found at two sizes."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda found: -found.score):
        if not detection.box.is_any_of(other.box for other in kept):
            kept.append(detection)
    return kept


def check_grey(frame: np.ndarray) -> None:
    """Raise ValueError unless the frame is (H, W) uint8."""
    if frame.ndim != 2 or frame.dtype != np.uint8:
        raise ValueError(f"expected (H, W) uint8, got {frame.shape} {frame.dtype}")
