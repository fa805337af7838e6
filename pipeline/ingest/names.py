"""Ids and file names: portable, readable, and never shared by two subjects."""

import re
import unicodedata

from pipeline.runtime.errors import EmoError
from pipeline.schema.participants import ID

_MAX_HINT = 56
"""Characters of a clip id that come from names; the other eight are for the number that `unique` appends."""


def normal(text: str) -> str:
    """Return the text with composed characters: macOS writes accents in file names as separate characters."""
    return unicodedata.normalize("NFC", text).strip()


def subject_id(text: str, where: str) -> str:
    """Convert a subject code to an id: drop accents, replace other characters with `_`. Ids stay unchanged.

    Raises EmoError, starting with `where`, if a letter has no ASCII form.
    """
    text = normal(text)
    if ID.fullmatch(text):
        return text
    plain = _without_accents(text)
    lost = sorted({character for character in plain if not character.isascii() and character.isalnum()})
    name = _joined(plain)
    if lost or not ID.fullmatch(name):
        because = f": no ASCII letter for {''.join(lost)}" if lost else ""
        raise EmoError(
            f"{where}: subject code {text!r} cannot be converted to an id{because}; use 1 to 64 characters "
            "of A-Z a-z 0-9 _ - (rename, or use --manifest)"
        )
    return name


def slug(text: str) -> str:
    """Convert any text to a part of an id or file name; return an empty text if no character remains."""
    return _joined(_without_accents(text))[:_MAX_HINT].rstrip("_-")


def unique(hint: str, taken: set[str]) -> str:
    """Return the first of `hint`, `hint_2`, `hint_3` ... that is not in `taken`, and add it to `taken`.

    `taken` holds lower-case names, because some file systems ignore case.
    """
    name, number = hint, 1
    while name.lower() in taken:
        number += 1
        name = f"{hint}_{number}"
    taken.add(name.lower())
    return name


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(character for character in parts if not unicodedata.combining(character))


def _joined(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_-")
