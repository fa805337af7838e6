"""`--subject-pattern`: the user states by a regular expression which part of a path is the subject."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import NameReading, ParsedName, UnreadName
from pipeline.ingest.layouts.registry import LayoutChoice
from pipeline.ingest.name_tokens import Kind, Token, pieces, tokenize
from pipeline.ingest.names import normal, slug
from pipeline.ingest.path_tokens import Part, session_of
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed

OPTION = "--subject-pattern"
GROUPS = ("subject", "expression", "session", "take")

_EXAMPLE = r"'/(?P<subject>S\d+)_'"


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile the pattern; raise EmoError if it is no regular expression with a group `subject`."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise EmoError(
            f"{OPTION}: '{text}' is not a regular expression ({error}); write it like {_EXAMPLE}"
        ) from None
    if "subject" not in pattern.groupindex:
        raise EmoError(f"{OPTION}: '{text}' has no group (?P<subject>...); write it like {_EXAMPLE}")
    if others := [name for name in pattern.groupindex if name not in GROUPS]:
        raise EmoError(f"{OPTION}: unknown group {others[0]!r} in '{text}'; use {listed(GROUPS)}")
    return pattern


def read_by_pattern(
    pattern: re.Pattern[str], paths: Sequence[PurePosixPath], declared: tuple[str, ...] = ()
) -> LayoutChoice:
    """Read all names of one ingest.

    Args:
        pattern: Searched in each path, which has forward slashes and starts with the folder that was given.
        paths: File names with the folders above them.
        declared: Words for expressions beyond those that emo knows.
    """
    readings = {path: _read(pattern, path, declared) for path in paths}
    read = [(path, r) for path, r in readings.items() if isinstance(r, ParsedName)]
    example = f", such as {read[0][0]}: {read[0][1].word} of {read[0][1].subject}" if read else ""
    return LayoutChoice("subject-pattern", f"it reads {len(read)} of {len(paths)} names{example}", readings)


def _read(pattern: re.Pattern[str], path: PurePosixPath, declared: tuple[str, ...]) -> NameReading:
    text = normal(path.as_posix())
    match = pattern.search(text)
    if not match or not (match["subject"] or "").strip():
        return UnreadName(
            f"{OPTION} '{pattern.pattern}' finds no subject in it; change the pattern, or leave the file out"
        )
    stated = {name: found.strip() for name, found in match.groupdict().items() if found}
    rest = _rest(text, match, path.suffix, declared)
    if "expression" in stated:
        word = stated["expression"]
        rest = [part.without(Kind.EXPRESSION) for part in rest]
    else:
        found = [token for part in rest for token in part.of(Kind.EXPRESSION)]
        found = found or [token for part in rest for token in part.of(Kind.FEELING)]
        if len({token.value for token in found}) != 1:
            return _no_word(found)
        word = found[0].text
    return _parsed(stated, word, rest)


def _rest(text: str, match: re.Match[str], suffix: str, declared: tuple[str, ...]) -> list[Part]:
    """Return the tokens of what the groups leave of a path, from the top folder to the file name."""
    characters = list(text.removesuffix(suffix))
    for name in match.re.groupindex:
        start, end = match.span(name)
        for place in range(max(start, 0), min(end, len(characters))):
            characters[place] = "/" if characters[place] == "/" else "_"
    return [Part(name, tokenize(name, declared)) for name in "".join(characters).split("/")]


def _no_word(found: Sequence[Token]) -> UnreadName:
    if found:
        words = listed(dict.fromkeys(token.text for token in found))
        reason = f"name is ambiguous: it states the expressions {words}"
    else:
        reason = "its name states no expression"
    return UnreadName(f"{reason}; add a group (?P<expression>...) to {OPTION}, or use a --manifest")


def _parsed(stated: dict[str, str], word: str, rest: Sequence[Part]) -> ParsedName:
    subject, take = stated["subject"], stated.get("take", "")
    tokens = rest[-1].without(Kind.EXPRESSION).tokens
    part = "_".join(piece for token in tokens for piece in pieces(token.text))
    session = stated.get("session") or session_of(rest)
    return ParsedName(
        subject,
        word,
        session=session,
        part="_".join(filter(None, [stated.get("session", ""), take, part])),
        take=slug("_".join([subject, word, stated.get("session", ""), take])) if take else "",
    )
