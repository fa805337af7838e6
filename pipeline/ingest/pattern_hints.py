"""Patterns for `--subject-pattern` that messages suggest, made from one path and the code in it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline.ingest.name_words import SUBJECT
from pipeline.ingest.names import normal


def hint(path: PurePosixPath, codes: tuple[str, ...]) -> str:
    """Return `--subject-pattern '...' (S01)` for the first two of the codes; empty if none can be made."""
    found = [(code, pattern) for code in codes[:2] if (pattern := pattern_for(path, code))]
    return " or ".join(
        f"--subject-pattern {shlex.quote(pattern)}" + (f" ({code})" if len(found) > 1 else "")
        for code, pattern in found
    )


def patterns(path: PurePosixPath, codes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns that `hint` names: equal for names of one form."""
    return tuple(pattern_for(path, code) for code in codes[:2])


def pattern_for(path: PurePosixPath, code: str) -> str:
    """Return a pattern that finds the code in the path, and codes like it in paths like it; empty if none."""
    text = normal(path.as_posix())
    for pattern in _candidates(text, code):
        match = re.search(pattern, text)
        if match and match["subject"] == code:
            return pattern
    return ""


def _candidates(path: str, code: str) -> Iterator[str]:
    *folders, _ = path.split("/")
    for place, folder in enumerate(folders):
        if folder == code:
            above = {0: "", 1: "[^/]+/"}.get(place, f"(?:[^/]+/){{{place}}}")
            yield f"^{above}(?P<subject>[^/]+)/"
    start = path.rfind(code)
    if start >= 0:
        before = _escaped(path[start - 1]) if start else "^"
        after = _escaped(path[start + len(code)]) if start + len(code) < len(path) else "$"
        before = "" if path[start - 1 : start].isalnum() else before
        after = "" if path[start + len(code) : start + len(code) + 1].isalnum() else after
        for body in (_like(code), _escaped(code)):
            yield f"{before}(?P<subject>{body}){after}"


def _like(code: str) -> str:
    r"""Return a pattern of codes like this one: `S\d+` for S01, any letters for a name."""
    parts = re.split(r"([^\W\d_]+|\d+)", code)
    last = max(place for place, part in enumerate(parts) if part)
    return "".join(_like_part(part, is_last=0 < place == last) for place, part in enumerate(parts))


def _like_part(part: str, *, is_last: bool) -> str:
    if part.isdecimal():
        return r"\d+"
    if is_last and len(part) == 1 and part.isalpha():
        return "[A-Za-z]"
    is_fixed = not part.isalpha() or len(part) == 1 or part.lower() in SUBJECT
    return _escaped(part) if is_fixed else r"[^\W\d_]+"


def _escaped(text: str) -> str:
    return re.escape(text).replace(r"\-", "-").replace(r"\ ", " ")
