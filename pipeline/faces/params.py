"""How faces are found and cropped: params.yaml, section faces."""

from dataclasses import dataclass, replace

from pipeline.faces.crop import Crop
from pipeline.faces.detector import DetectorSettings
from pipeline.faces.detectors.registry import DETECTORS
from pipeline.faces.tracking import TrackingParams
from pipeline.runtime.params import variant


@dataclass(frozen=True)
class FacesParams:
    """params.yaml, section faces."""

    detector: str
    "the name of a detector; its settings are in the section of the same name"
    tracking: TrackingParams
    crop: Crop
    settings: DetectorSettings = variant("detector", DETECTORS)
    "those of the detector"

    @property
    def cut(self) -> Crop:
        """How faces are cut out: where the frames are face crops already, there is no margin to add."""
        return replace(self.crop, margin=0.0) if self.settings.EXPECTS_CROPS else self.crop
