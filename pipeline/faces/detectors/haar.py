"""Haar cascades: boosted Haar-like features that find frontal faces.

The method is that of Viola & Jones (2001, "Rapid object detection using a boosted cascade of simple
features", CVPR); the cascades are OpenCV's. A whole frame is searched coarsely, in a copy shrunk until the
smallest face is 22 pixels wide; each detection is then confirmed by a search around it at about twice that
resolution.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import cv2.data
import numpy as np

from pipeline.faces.detector import (
    LEAST_PX,
    Box,
    Detection,
    DetectorSettings,
    FaceDetector,
    FaceSizes,
    Fallback,
    check_grey,
    distinct,
)
from pipeline.runtime.params import OneOf, Within

CASCADES = (
    "frontalface_default",
    "frontalface_alt",
    "frontalface_alt2",
    "frontalface_alt_tree",
)
NO_FALLBACK = "none"

# A search shrinks its image until the smallest face it looks for is this wide. The cascades were
# trained on 20 or 24 px faces, so a full search needs little more. From 40 px on OpenCV tries every
# position instead of every second one, which around a known face is cheap and gives steady boxes.
_FULL_PX, _NEAR_PX = 22, 40
_SHRINK, _GROW = 0.75, 1.35  # change of a face's size from one frame to the next, at most
_REACH = 0.25  # extent of the region beyond the last box, in box widths
_GRID = 16  # boxes are averaged on a grid this much finer than the pixels searched


@dataclass(frozen=True)
class HaarSettings(DetectorSettings):
    """Which cascades are used, and when a detection is accepted."""

    NAME = "haar"

    cascade: Annotated[str, OneOf(CASCADES)]
    "Cascade used first."
    fallback_cascade: Annotated[str, OneOf((NO_FALLBACK, *CASCADES))]
    "Cascade used on the equalised frame (dark skin, dark rooms) if the first finds nothing; or none."
    scale_factor: Annotated[float, Within(1.01, 1.5)]
    "Step between the face sizes tried."
    min_neighbors: Annotated[int, Within(2, 20)]
    "Number of search windows that must agree on a face."
    min_score: Annotated[float, Within(0, 100)]
    "Lowest mean number of agreeing windows over a clip."

    def build(self) -> "HaarDetector":
        """Return the detector."""
        return HaarDetector(self)


class _Method(NamedTuple):
    """A cascade, and whether the frame is equalised for it."""

    cascade: str
    equalise: bool


class _Search(NamedTuple):
    """Face widths to search for, pixels of the frame, and the width to which the smallest is shrunk."""

    low: float
    high: float
    low_shrunk: int


class HaarDetector(FaceDetector):
    """Detects faces with one cascade and, if it finds nothing, with the fallback cascade."""

    def __init__(self, settings: HaarSettings) -> None:
        self.settings, self.min_score = settings, settings.min_score
        self._methods = [_Method(settings.cascade, False)]
        if settings.fallback_cascade != NO_FALLBACK:
            self._methods.append(_Method(settings.fallback_cascade, True))

    def detect(
        self,
        grey: np.ndarray,
        sizes: FaceSizes,
        *,
        known: Sequence[Box] = (),
        fallback: Fallback = Fallback.IF_NONE,
    ) -> list[Detection]:
        """Search the whole frame coarsely, then closely around each detection that is not `known`."""
        check_grey(grey)
        search = _Search(sizes.smallest_px, sizes.largest_px, _FULL_PX)
        found: list[Detection] = []
        for method in self._methods[:1] if fallback is Fallback.NEVER else self._methods:
            coarse = self._run(grey, method, search, self.settings.min_neighbors / 2)
            new = [detection for detection in coarse if not detection.box.is_any_of(known)]
            found += self._confirmed(grey, new, sizes.accepted_px)
            if fallback is not Fallback.ALWAYS and (found or len(new) < len(coarse)):
                break
        return distinct(found)

    def detect_near(self, grey: np.ndarray, last: Box, accepted_px: float) -> Detection | None:
        """Search the region around `last` for a face of about its size."""
        reach = last.w * _REACH
        left, top = max(int(last.x - reach), 0), max(int(last.y - reach), 0)
        right, bottom = int(last.x + last.w + reach), int(last.y + last.h + reach)
        region = grey[top : bottom + 1, left : right + 1]
        search = _Search(max(last.w * _SHRINK, LEAST_PX), min(last.w * _GROW, accepted_px), _NEAR_PX)
        for method in self._methods:
            if faces := self._run(region, method, search, self.settings.min_neighbors):
                box, score = faces[0]
                return Detection(Box(box.x + left, box.y + top, box.w, box.h), score)
        return None

    def _confirmed(
        self, grey: np.ndarray, coarse: Iterable[Detection], accepted_px: float
    ) -> list[Detection]:
        """Return the coarse detections that a search around them confirms."""
        closer = (self.detect_near(grey, detection.box, accepted_px) for detection in coarse)
        return [detection for detection in closer if detection]

    def _run(self, grey: np.ndarray, method: _Method, search: _Search, neighbors: float) -> list[Detection]:
        """Run one cascade over one image, shrunk to the face size it needs; best score first.

        The raw windows are grouped here, on a fine grid: the cascade's own grouping rounds to whole pixels of
        the shrunken image, so that boxes jitter.
        """
        if search.high < search.low:
            return []
        zoom = search.low_shrunk / search.low
        image = _shrunk(grey, zoom)
        if method.equalise:
            image = cv2.equalizeHist(image)
        raw = _cascade(method.cascade).detectMultiScale(
            image,
            scaleFactor=self.settings.scale_factor,
            minNeighbors=0,
            minSize=(search.low_shrunk,) * 2,
            maxSize=(round(search.high * zoom),) * 2,
        )
        return _grouped(np.asarray(raw), neighbors, zoom) if len(raw) else []


def _grouped(windows: np.ndarray, neighbors: float, zoom: float) -> list[Detection]:
    """Return groups of raw windows (n, 4), in pixels of the frame; the largest group first."""
    boxes, counts = cv2.groupRectangles((windows * _GRID).tolist(), 1, eps=0.2)
    unit = zoom * _GRID
    faces = [
        Detection(_square(*(float(value) / unit for value in box)), float(count))
        for box, count in zip(boxes, np.ravel(counts), strict=True)
        if count >= neighbors
    ]
    return sorted(faces, key=lambda face: (-face.score, face.box.y, face.box.x, face.box.w))


def _shrunk(grey: np.ndarray, zoom: float) -> np.ndarray:
    """Return the image scaled down: halved by the mean of 2x2 pixels, the rest between pixels.

    This takes a tenth of the time of area interpolation at any scale.
    """
    while zoom <= 0.5:
        height, width = (side // 2 for side in grey.shape)
        even = grey[: 2 * height, : 2 * width]
        grey, zoom = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), 2 * zoom
    return cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)


def _square(x: float, y: float, w: float, h: float) -> Box:
    """Return the square in the middle of a window that is square but for rounding."""
    side = (w + h) / 2
    return Box(x + (w - side) / 2, y + (h - side) / 2, side, side)


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    path = Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml"
    return cv2.CascadeClassifier(str(path))
