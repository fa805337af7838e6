"""How faces are detected and cropped: params.yaml, section faces."""

from dataclasses import dataclass, replace

from pipeline.faces.crop import Crop
from pipeline.faces.detector import DetectorSettings
from pipeline.faces.detectors.registry import DETECTORS
from pipeline.faces.tracking import TrackingParams
from pipeline.runtime.params import variant

_SMALLEST_SHARE = 0.02
"""The smallest value of `min_face`."""


@dataclass(frozen=True)
class FacesParams:
    """How faces are detected, tracked and cropped."""

    detector: str
    "Name of the detector; its settings are in the section of the same name."
    tracking: TrackingParams
    "Which faces are tracked, and which of them is the participant's."
    crop: Crop
    "How a face is cropped and enhanced."
    settings: DetectorSettings = variant("detector", DETECTORS)
    "Settings of the detector."

    def tracking_in(self, shape: tuple[int, ...]) -> TrackingParams:
        """Return the tracking settings for frames of a shape, (H, W).

        A face that fills the crop without being enlarged is accepted, whatever its share of the frame.
        """
        fills = max(self.effective_crop.side_px / min(shape[:2]), _SMALLEST_SHARE)
        return replace(self.tracking, min_face=min(self.tracking.min_face, fills))

    @property
    def effective_crop(self) -> Crop:
        """The crop settings that apply: no margin if the frames are face crops already."""
        return replace(self.crop, margin=0.0) if self.settings.EXPECTS_CROPS else self.crop
