"""Reads settings that earlier versions of emo wrote, in the form of this version.

Version 0.1 had `faces: detector: none`, one section `faces: search` for the Haar cascades and the tracking,
and no `dataset: consent`. `emo upgrade` rewrites params.yaml; settings in an old dvc.lock are read with this
module.
"""

from collections.abc import Mapping
from typing import Any

HAAR_KEYS = {"cascade": "cascade", "second_opinion": "fallback_cascade", "scale_factor": "scale_factor"}
HAAR_KEYS |= {"min_neighbors": "min_neighbors", "min_score": "min_score"}
TRACKING_KEYS = {"min_face": "min_face", "max_face": "max_face", "full_search_every_s": "full_search_every_s"}
TRACKING_KEYS |= {"min_sightings": "min_detections", "rival_share": "rival_share"}


CONSENT = "noted"
"""Value of `dataset: consent` for a study that was made before there was this setting."""


def is_old(values: Mapping[str, Any]) -> bool:
    """Return whether settings, by section, are those of an earlier version."""
    return has_search(values) or lacks_consent(values)


def has_search(values: Mapping[str, Any]) -> bool:
    """Return whether the detectors' settings are those of version 0.1."""
    faces = values.get("faces")
    return isinstance(faces, Mapping) and "search" in faces


def lacks_consent(values: Mapping[str, Any]) -> bool:
    """Return whether the section `dataset` was written before it had the key `consent`."""
    dataset = values.get("dataset")
    return isinstance(dataset, Mapping) and "expressions" in dataset and "consent" not in dataset


def modernised(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings by section as this version has them; only those of an earlier version change."""
    if lacks_consent(values):
        values = {**values, "dataset": {**values["dataset"], "consent": CONSENT}}
    return _with_detectors(values) if has_search(values) else values


def _with_detectors(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose section `faces: search` is divided into haar and tracking."""
    faces = dict(values["faces"])
    search = faces.pop("search")
    if not isinstance(search, Mapping) or search.keys() - HAAR_KEYS.keys() - TRACKING_KEYS.keys():
        return values  # neither old nor new: the checks report the key
    faces["detector"] = "whole_frame" if faces.get("detector") == "none" else faces.get("detector")
    faces["haar"] = {new: search[old] for old, new in HAAR_KEYS.items() if old in search}
    faces["whole_frame"] = {}
    faces["tracking"] = {new: search[old] for old, new in TRACKING_KEYS.items() if old in search}
    return {**values, "faces": faces}
