"""Subject codes that could be confused: two spellings of one code, and codes that end with a counter."""

import re
from collections import defaultdict
from collections.abc import Iterable

from pipeline.ingest.name_words import SUBJECT

_PREFIXES = ("sub", "subj", "subject")
_PIECE = re.compile(r"[^\W\d_]+|\d+")


def comparable(subject: str) -> str:
    """Return a code without what people write in two ways: case, leading zeros, separators, `sub-` or `S`.

    `S1`, `s01`, `S_001`, `sub-01` and `1` are the same.
    """
    pieces = [piece.lstrip("0") or piece[-1] for piece in _PIECE.findall(subject.casefold())]
    while len(pieces) > 1 and (pieces[0] in _PREFIXES or (pieces[0] == "s" and pieces[1].isdecimal())):
        pieces = pieces[1:]
    return "".join(f"-{piece}" if piece.isdecimal() else piece for piece in pieces)


def counters(subjects: Iterable[str]) -> dict[str, list[str]]:
    """Return the codes that have a stem in common and differ only in what may be a counter, by stem.

    `anna1` and `anna2` may be one person or two, as may `P001a` and `P001b`. `S01`, `S02` ... are the
    ordinary numbering of subjects, as is any single letter with numbers.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for subject in dict.fromkeys(subjects):
        if match := _COUNTED.fullmatch(subject):
            stem = match["stem"]
            if not _is_numbering(stem):
                groups[stem.casefold()].append(subject)
    return {stem: codes for stem, codes in groups.items() if len(codes) > 1}


_COUNTED = re.compile(r"(?P<stem>.*[^\W_])(?:[ _-]+\d+|(?<=\D)\d+|(?<=\d)[ _-]*[a-z])", re.IGNORECASE)


def _is_numbering(stem: str) -> bool:
    """Return whether the stem is a word before the numbers of subjects, or one letter."""
    return len(stem) == 1 or stem.casefold().rstrip(" _-") in SUBJECT
