"""BIDS, the Brain Imaging Data Structure (bids-specification.readthedocs.io): entities in folders and names.

    sub-01/[ses-02/][beh/]sub-01_[ses-02_]task-happy_[run-01_]video.mp4      or the file name alone

A name is a list of `entity-label`, joined by `_`, and a suffix without `-`. The first entity is `sub`, with
at least one more. The expression is the label of one entity (task, acq, stim ...), or the suffix; if no label
is known, it is the entity whose labels are expressions elsewhere in the ingest.

The subject is `sub-01`, as BIDS writes it in participants.tsv; `ses` is the session. `recording`, `cam`,
`view` and `side` tell the views of one performance apart: clips that differ only in them share a take.
Folders that name another subject or session than the file are refused.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import RENAME, Layout, NameReading, NameReadings, ParsedName, UnreadName
from pipeline.ingest.names import normal, slug
from pipeline.schema.expressions import canonical

PATTERN = "sub-01/ses-02/sub-01_ses-02_task-happy_run-01_video.mp4"

SUFFIX = "suffix"
"""Key of the part of a name without entity, beside those of the entities."""

_VIEWS = ("recording", "cam", "camera", "view", "side")
_NAME = re.compile(r"sub-[^\W_]+(?:_[a-z]+-[^\W_]+)*(?:_[^\W_]+)?", re.IGNORECASE)
_UNREAD = UnreadName(f"name does not match layout bids ({PATTERN})", RENAME)
_NO_EXPRESSION = UnreadName("its name states no expression; rename it, or list it in a --manifest")


def read(paths: Sequence[PurePosixPath], declared: tuple[str, ...] = ()) -> NameReadings:
    """Read all the names of one ingest; `declared` are words for expressions beyond those that emo knows."""
    entities = {path: _entities(path) for path in paths}
    keys = Counter(key for found in entities.values() for key in _stating(found, declared))
    usual = max(keys, key=lambda key: keys[key], default="")
    return {path: _read(path, found, usual, declared) for path, found in entities.items()}


def _entities(path: PurePosixPath) -> dict[str, str]:
    """Return the labels of a name by entity; nothing if the name is not of this layout."""
    stem = normal(path.stem)
    if not _NAME.fullmatch(stem):
        return {}
    found: dict[str, str] = {}
    for part in stem.split("_"):
        key, dash, label = part.partition("-")
        if found.setdefault(key.lower() if dash else SUFFIX, label or part) != (label or part):
            return {}
    return found if len(found.keys() - {SUFFIX}) > 1 else {}


def _stating(entities: Mapping[str, str], declared: tuple[str, ...]) -> dict[str, str]:
    """Return the expressions that labels name, by entity; the labels of subject and session name none."""
    named = {key: canonical(label, declared) for key, label in entities.items() if key not in ("sub", "ses")}
    return {key: name for key, name in named.items() if name}


def _read(
    path: PurePosixPath, entities: Mapping[str, str], usual: str, declared: tuple[str, ...]
) -> NameReading:
    """Read one name; `usual` is the entity that states the expression in most names, or empty."""
    if not entities:
        return _UNREAD
    if conflict := _conflict(path, entities):
        return conflict
    stating = _stating(entities, declared)
    if len(stating) > 1:
        texts = " and ".join(f"{key}-{entities[key]}" for key in list(stating)[:2])
        return UnreadName(f"name is ambiguous: it states {texts}; rename it, or list it in a --manifest")
    key = next(iter(stating), usual)
    return _parsed(entities, key, stating.get(key, "")) if entities.get(key) else _NO_EXPRESSION


def _conflict(path: PurePosixPath, entities: Mapping[str, str]) -> UnreadName | None:
    """Return that a folder names another subject or session than the file, None if no folder does."""
    for folder in map(normal, path.parts[:-1]):
        key, dash, label = folder.partition("-")
        if dash and key in ("sub", "ses") and entities.get(key, label) != label:
            named = f"names {key}-{entities[key]}, but is in the folder {folder}"
            return UnreadName(named, "move or rename it")
    return None


def _parsed(entities: Mapping[str, str], key: str, expression: str) -> ParsedName:
    subject = f"sub-{entities['sub']}"
    rest = {k: label for k, label in entities.items() if k not in ("sub", key, SUFFIX)}
    shared = [f"{k}-{label}" for k, label in rest.items() if k not in _VIEWS]
    has_views = len(shared) < len(rest)
    return ParsedName(
        subject,
        entities[key],
        session=entities.get("ses", ""),
        part="_".join(f"{k}-{label}" for k, label in rest.items()),
        take=slug("_".join([subject, expression or entities[key], *shared])) if has_views else "",
    )


LAYOUT = Layout("bids", PATTERN, read, takes_words=True)
