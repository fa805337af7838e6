"""The whole frame as the face, for corpora whose images are face crops already (FER2013)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.faces.detector import Box, Detection, DetectorSettings, FaceDetector, FaceSizes, Fallback


@dataclass(frozen=True)
class WholeFrameSettings(DetectorSettings):
    """The whole frame is the face; there are no keys."""

    NAME = "whole_frame"
    EXPECTS_CROPS = True

    def build(self) -> "WholeFrameDetector":
        """Return the detector."""
        return WholeFrameDetector()


class WholeFrameDetector(FaceDetector):
    """Returns the frame itself as its only face, with score 0."""

    def detect(
        self,
        grey: np.ndarray,
        sizes: FaceSizes,  # noqa: ARG002
        *,
        known: Sequence[Box] = (),
        fallback: Fallback = Fallback.IF_NONE,  # noqa: ARG002
    ) -> list[Detection]:
        """Return the whole frame, unless it is already `known`."""
        return [] if known else [_whole(grey)]

    def detect_near(self, grey: np.ndarray, last: Box, accepted_px: float) -> Detection:  # noqa: ARG002
        """Return the whole frame."""
        return _whole(grey)


def _whole(grey: np.ndarray) -> Detection:
    height, width = grey.shape
    return Detection(Box(0.0, 0.0, float(width), float(height)), 0.0)
