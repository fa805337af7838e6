"""`emo upgrade`: params.yaml of an earlier version, rewritten line by line; values and comments stay."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import write_text
from pipeline.runtime.old_params import (
    CONSENT,
    HAAR_KEYS,
    TRACKING_KEYS,
    has_search,
    is_old,
    lacks_consent,
    modernised,
)
from pipeline.runtime.params import read_yaml
from pipeline.runtime.paths import PARAMS

_KEY = re.compile(r"(?P<indent> +)(?P<key>\w+)(?P<rest>:.*)")

_CONSENT_MEANING = "of participants whose consent is unknown: noted (in, and named) or required (left out)"


def upgrade_params(path: Path = PARAMS, *, write: bool) -> list[str]:
    """Rewrite params.yaml of an earlier version; return one line for each change, none if it is current.

    Raises EmoError if a section does not have one key per line, so that it cannot be rewritten.
    """
    values = read_yaml(path)
    if not is_old(values):
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    lines = list(_rewritten(lines)) if has_search(values) else lines
    lines = list(_with_consent(lines)) if lacks_consent(values) else lines
    wanted, found = modernised(values), yaml.safe_load("\n".join(lines))
    for section, old in (("faces", "faces: search"), ("dataset", "dataset")):
        if found.get(section) != wanted.get(section):
            raise EmoError(
                f"{path}: {old}: cannot be rewritten line by line; copy the section {section} of a new "
                "project and set its values by hand (docs/params.md)"
            )
    if write:
        write_text(path, "\n".join(lines))
    return [*_detector_changes(values), *(["dataset.consent: noted (new)"] if lacks_consent(values) else [])]


def _detector_changes(values: Mapping[str, Any]) -> list[str]:
    """Return one line for each setting of the detectors that is renamed or moved."""
    if not has_search(values):
        return []
    names = {f"haar.{new}": old for old, new in HAAR_KEYS.items()}
    names |= {f"tracking.{new}": old for old, new in TRACKING_KEYS.items()}
    moved = [
        f"faces.search.{old} -> faces.{new}" for new, old in names.items() if old in values["faces"]["search"]
    ]
    renamed = ["faces.detector: none -> whole_frame"] if values["faces"].get("detector") == "none" else []
    return [*renamed, *moved]


def _rewritten(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines with `detector` renamed and the block `search` divided into haar and tracking."""
    section, is_search = "", False
    blocks: dict[str, list[str]] = {}
    for line in [*lines, "end:"]:
        top = re.match(r"(\w+):", line)
        inner = re.match(r"  (\w+):", line)
        if is_search and (top or inner):
            is_search = False
            yield from ("  haar:", *blocks["haar"], "  whole_frame: {}", "  tracking:", *blocks["tracking"])
        section = top[1] if top else section
        if section == "faces" and inner and inner[1] == "search":
            is_search, blocks = True, {"haar": [], "tracking": []}
        elif is_search:
            _sort(line, blocks)
        elif section == "faces" and inner and inner[1] == "detector":
            yield re.sub(r"(detector: *)none\b", r"\1whole_frame", line)
        elif line != "end:":
            yield line


def _with_consent(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines with `consent` before `expressions` in the section `dataset`."""
    section = ""
    for line in lines:
        top = re.match(r"(\w+):", line)
        section = top[1] if top else section
        if section == "dataset" and (found := re.match(r"( +)expressions:", line)):
            yield f"{found[1]}consent: {CONSENT}          # {_CONSENT_MEANING}"
        yield line


def _sort(line: str, blocks: dict[str, list[str]]) -> None:
    """Put a line of the old block into the new block that it belongs to."""
    found = _KEY.match(line)
    if found is None:
        blocks["tracking"].append(line)
        return
    old = found["key"]
    block, new = ("haar", HAAR_KEYS[old]) if old in HAAR_KEYS else ("tracking", TRACKING_KEYS.get(old, old))
    blocks[block].append(f"{found['indent']}{new}{found['rest']}")
