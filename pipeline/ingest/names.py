"""Ids and file names: portable, readable, and never two people under one."""

import re
import unicodedata

from pipeline.runtime.errors import EmoError
from pipeline.schema.participants import ID

_LONGEST_HINT = 56
"""Characters of a clip's id that come from names; the rest is for numbers that tell them apart."""


def normal(text: str) -> str:
    """Return the text with composed characters: macOS writes file names with separate accents."""
    return unicodedata.normalize("NFC", text).strip()


def subject_id(text: str, where: str) -> str:
    """Return a subject's id for its code as written: accents dropped, other characters made `_`.

    An id stays as it is. Raises EmoError, starting with `where`, for letters that have no plain form.
    """
    text = normal(text)
    if ID.fullmatch(text):
        return text
    plain = _without_accents(text)
    lost = sorted({character for character in plain if not character.isascii() and character.isalnum()})
    name = _joined(plain)
    if lost or not ID.fullmatch(name):
        because = f": no plain letter for {''.join(lost)}" if lost else ""
        raise EmoError(
            f"{where}: the subject's code {text!r} cannot be made an id{because}; write it with 1 to 64 of "
            "A-Z a-z 0-9 _ - (rename, or use --manifest)"
        )
    return name


def slug(text: str) -> str:
    """Return a piece of an id or file name for any text; empty where nothing of it is left."""
    return _joined(_without_accents(text))[:_LONGEST_HINT].rstrip("_-")


def unique(hint: str, taken: set[str]) -> str:
    """Return `hint`, or `hint_2`, `hint_3` ..., whichever is not taken yet, and take it.

    `taken` holds lower-case names: some file systems do not tell cases apart.
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
