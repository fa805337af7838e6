"""`emo upgrade`: rewrites params.yaml of an earlier version line by line; values and comments stay."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import write_text
from pipeline.runtime.old_params import (
    HAAR_KEYS,
    TRACKING_KEYS,
    AddedKey,
    is_old,
    missing_keys,
    modernised,
)
from pipeline.runtime.params import read_yaml
from pipeline.runtime.paths import PARAMS
from pipeline.runtime.regular_files import read_regular
from pipeline.runtime.yaml_files import parse_yaml

_COMMENT_COLUMN = 26
"""Column at which the comments of params.yaml start."""

_KEY = re.compile(r"(?P<indent> +)(?P<key>\w+)(?P<rest>:.*)")


def upgrade_params(path: Path = PARAMS, *, write: bool) -> list[str]:
    """Rewrite params.yaml of an earlier version; return one line for each change, none if it is current.

    Raises EmoError if a section that changes does not have one key per line, so that it cannot be rewritten.
    """
    values = read_yaml(path)
    if not is_old(values):
        return []
    missing, lines = missing_keys(values), read_regular(path).decode("utf-8").split("\n")
    for added in missing:
        lines = _with_key(lines, added)
    is_divided = "search" in (values.get("faces") or {})
    new = "\n".join(_rewritten(lines) if is_divided else lines)
    if parse_yaml(new) != modernised(values):
        what = "faces: search" if is_divided else f"{missing[0].section}: {missing[0].key}"
        raise EmoError(
            f"{path}: {what}: cannot be rewritten line by line; copy the section of a new project and set "
            "its values by hand (docs/params.md)"
        )
    if write:
        write_text(path, new)
    return [*(_divided(values["faces"]) if is_divided else []), *map(_described, missing)]


def _divided(faces: Mapping[str, Any]) -> list[str]:
    """Return one line for each setting of version 0.1 that has a new name."""
    names = {f"haar.{new}": old for old, new in HAAR_KEYS.items()}
    names |= {f"tracking.{new}": old for old, new in TRACKING_KEYS.items()}
    moved = [f"faces.search.{old} -> faces.{new}" for new, old in names.items() if old in faces["search"]]
    renamed = ["faces.detector: none -> whole_frame"] if faces.get("detector") == "none" else []
    return [*renamed, *moved]


def _described(added: AddedKey) -> str:
    return f"{added.section}.{added.key}: {added.value} (new)"


def _with_key(lines: Sequence[str], added: AddedKey) -> list[str]:
    """Return the lines with a key next to another key of its section; unchanged if that is not found."""
    section, value = "", yaml.safe_dump(added.value, default_flow_style=True).split("\n")[0]
    for number, line in enumerate(lines):
        top = re.match(r"(\w+):", line)
        section = top[1] if top else section
        found = re.match(rf"( +){added.beside}:", line)
        if section == added.section and found:
            new = f"{found[1]}{added.key}: {value}".ljust(_COMMENT_COLUMN) + f"# {added.comment}"
            position = number if added.is_above else number + 1
            return [*lines[:position], new, *lines[position:]]
    return list(lines)


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


def _sort(line: str, blocks: dict[str, list[str]]) -> None:
    """Put a line of the old block into the new block that it belongs to."""
    found = _KEY.match(line)
    if found is None:
        blocks["tracking"].append(line)
        return
    old = found["key"]
    block, new = ("haar", HAAR_KEYS[old]) if old in HAAR_KEYS else ("tracking", TRACKING_KEYS.get(old, old))
    blocks[block].append(f"{found['indent']}{new}{found['rest']}")
