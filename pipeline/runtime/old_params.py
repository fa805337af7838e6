"""Reads settings that earlier versions of emo wrote, in the form of this version.

Version 0.1 had `faces: detector: none` and one section `faces: search` for the Haar cascades and the
tracking. Keys added since then are in `ADDED`, with the value that they have where they are missing.
`emo upgrade` rewrites params.yaml; settings in an old dvc.lock are read with this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HAAR_KEYS = {"cascade": "cascade", "second_opinion": "fallback_cascade", "scale_factor": "scale_factor"}
HAAR_KEYS |= {"min_neighbors": "min_neighbors", "min_score": "min_score"}
TRACKING_KEYS = {"min_face": "min_face", "max_face": "max_face", "full_search_every_s": "full_search_every_s"}
TRACKING_KEYS |= {"min_sightings": "min_detections", "rival_share": "rival_share"}


@dataclass(frozen=True)
class AddedKey:
    """A key that params.yaml of an earlier version does not have."""

    section: str
    key: str
    value: Any
    "Value where the key is missing, as params.yaml of a new project has it."
    beside: str
    "Key of the section next to which `emo upgrade` writes it; a section without that key stays as it is."
    comment: str
    "Comment in params.yaml."
    is_above: bool = False
    "Whether it is written above that key; otherwise below it."


ADDED = (
    AddedKey(
        section="frames",
        key="apex_window_s",
        value=1.0,
        beside="trim_end_s",
        comment="of clips with an apex, this many seconds around it are sampled, without trims",
    ),
    AddedKey(
        section="dataset",
        key="consent",
        value="noted",
        beside="expressions",
        comment="of participants whose consent is unknown: noted (in, and named) or required (left out)",
        is_above=True,  # the list of expressions may have several lines
    ),
)
"""Keys added after version 0.1."""


def missing_keys(values: Mapping[str, Any]) -> list[AddedKey]:
    """Return the added keys that are missing."""
    sections = {name: section for name, section in values.items() if isinstance(section, Mapping)}
    keys = {name: section.keys() for name, section in sections.items()}
    return [
        added
        for added in ADDED
        if added.beside in keys.get(added.section, ()) and added.key not in keys[added.section]
    ]


def is_old(values: Mapping[str, Any]) -> bool:
    """Return whether settings, by section, are those of an earlier version."""
    return _has_search(values) or bool(missing_keys(values))


def modernised(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings by section as this version has them; only those of earlier versions change."""
    for added in missing_keys(values):
        values = {**values, added.section: {**values[added.section], added.key: added.value}}
    return _without_search(values) if _has_search(values) else values


def _has_search(values: Mapping[str, Any]) -> bool:
    faces = values.get("faces")
    return isinstance(faces, Mapping) and "search" in faces


def _without_search(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings of version 0.1 with `faces: search` divided into `haar` and `tracking`."""
    faces = dict(values["faces"])
    search = faces.pop("search")
    if not isinstance(search, Mapping) or search.keys() - HAAR_KEYS.keys() - TRACKING_KEYS.keys():
        return values  # neither old nor new: the checks report the key
    faces["detector"] = "whole_frame" if faces.get("detector") == "none" else faces.get("detector")
    faces["haar"] = {new: search[old] for old, new in HAAR_KEYS.items() if old in search}
    faces["whole_frame"] = {}
    faces["tracking"] = {new: search[old] for old, new in TRACKING_KEYS.items() if old in search}
    return {**values, "faces": faces}
