"""All face detectors, by name."""

from pipeline.faces.detector import DetectorSettings
from pipeline.faces.detectors.haar import HaarSettings
from pipeline.faces.detectors.whole_frame import WholeFrameSettings

DETECTORS: dict[str, type[DetectorSettings]] = {
    settings.NAME: settings for settings in (HaarSettings, WholeFrameSettings)
}
