"""Reads settings that earlier versions of emo wrote, in the form of this version.

Version 0.1 had `faces: detector: none` and one section `faces: search` for the Haar cascades and the
tracking. `emo upgrade` rewrites params.yaml; settings in an old dvc.lock are read with this module.
"""

from collections.abc import Mapping
from typing import Any

HAAR_KEYS = {"cascade": "cascade", "second_opinion": "fallback_cascade", "scale_factor": "scale_factor"}
HAAR_KEYS |= {"min_neighbors": "min_neighbors", "min_score": "min_score"}
TRACKING_KEYS = {"min_face": "min_face", "max_face": "max_face", "full_search_every_s": "full_search_every_s"}
TRACKING_KEYS |= {"min_sightings": "min_detections", "rival_share": "rival_share"}


def is_old(values: Mapping[str, Any]) -> bool:
    """Return whether settings, by section, are those of version 0.1."""
    faces = values.get("faces")
    return isinstance(faces, Mapping) and "search" in faces


def modernised(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings by section as this version has them; only those of version 0.1 change."""
    if not is_old(values):
        return values
    faces = dict(values["faces"])
    search = faces.pop("search")
    if not isinstance(search, Mapping) or search.keys() - HAAR_KEYS.keys() - TRACKING_KEYS.keys():
        return values  # neither old nor new: the checks report the key
    faces["detector"] = "whole_frame" if faces.get("detector") == "none" else faces.get("detector")
    faces["haar"] = {new: search[old] for old, new in HAAR_KEYS.items() if old in search}
    faces["whole_frame"] = {}
    faces["tracking"] = {new: search[old] for old, new in TRACKING_KEYS.items() if old in search}
    return {**values, "faces": faces}
