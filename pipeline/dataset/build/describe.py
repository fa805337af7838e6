"""Which settings the dataset card describes: those that built the dataset."""

from collections.abc import Mapping
from typing import Any

from pipeline.runtime.stages import BUILDING


def described(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of params.yaml that built the dataset, of the detectors only the one that was used."""
    faces = settings["faces"]
    used = ("detector", faces["detector"], "tracking", "crop")
    return {section: settings[section] for section in BUILDING} | {"faces": {key: faces[key] for key in used}}
