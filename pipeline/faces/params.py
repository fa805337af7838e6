"""How faces are detected and cropped: params.yaml, section faces."""

from dataclasses import dataclass, replace

from pipeline.faces.crop import Crop
from pipeline.faces.detector import DetectorSettings
from pipeline.faces.detectors.registry import DETECTORS
from pipeline.faces.tracking import TrackingParams
from pipeline.runtime.params import variant


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

    @property
    def effective_crop(self) -> Crop:
        """The crop settings that apply: no margin if the frames are face crops already."""
        return replace(self.crop, margin=0.0) if self.settings.EXPECTS_CROPS else self.crop
