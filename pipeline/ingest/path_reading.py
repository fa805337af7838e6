"""One path of a lab's own recordings: who is its subject, or why the path does not say so clearly.

A path may hold a code (`S01`), or a plain word or number, which is the subject only if nothing else in the
path could be one: in `anna/outdoor_happy.mp4`, it is not known which word is a name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.ingest.name_tokens import Kind, Token, pieces
from pipeline.ingest.names import slug
from pipeline.ingest.path_findings import NEITHER, NO_EXPRESSION, RENAME, Finding, UnclearError
from pipeline.ingest.path_subject import LETTERS, PathSubject, find_subject, is_unsure
from pipeline.ingest.path_tokens import CODES, Parts, distinguishing, parts_of, session_of

_FILE_COUNTERS = ("clip", "video", "vid", "mov", "img", "rec", "file", "scene", "item", "no", "nr", "num")


@dataclass(frozen=True)
class PathReading:
    """What a path states."""

    subject: str
    word: str
    "Expression as written."
    expression: str
    "Name of the expression, or the word if it is not known."
    above: str = ""
    "Folders above that may tell subjects of one code apart, joined by `/`."
    rival: str = ""
    "Folders that may name the subject instead, joined by `/`."
    shared: str = ""
    """Kind of text, if the subject may instead be the name of something that several subjects share:
    `folder`, `word`, `code` or `number`; else empty."""
    unsure: tuple[str, ...] = ()
    "Numbers beside a code such as `S1`, which may be a session of subjects with these numbers."
    counters: tuple[str, ...] = ()
    "Numbers, dates and camera files in the path: several subjects may differ in them."
    session: str = ""
    part: str = ""
    take: str = ""


def read_path(
    path: PurePosixPath, declared: tuple[str, ...] = (), known: frozenset[str] = frozenset()
) -> PathReading | Finding:
    """Read one path.

    Args:
        path: Path of a file, with the folder that was given.
        declared: Words for expressions beyond those that emo knows.
        known: Subjects of other files. A file in the folder of one may state an expression that is not known.
    """
    parts = parts_of(path, declared)
    try:
        words = _expression(parts) or _unknown_expression(parts, known)
        parts = tuple(
            part.reads(words, Kind.FEELING) if words[0].kind is Kind.WORD else part for part in parts
        )
        return _reading(parts, find_subject(parts), words)
    except UnclearError as unclear:
        return unclear.finding


def _reading(parts: Parts, subject: PathSubject, words: Sequence[Token]) -> PathReading:
    word = " ".join(token.text for token in words)
    expression = words[0].value if words[0].kind is Kind.EXPRESSION else word
    without_views = distinguishing(parts, subject.text, with_views=False)
    has_views = any(part.of(Kind.VIEW) for part in parts)
    above = [
        p.text for p in parts[: min(subject.place, len(parts) - 1)] if p.identity and not p.is_expression
    ]
    return PathReading(
        subject.text,
        word,
        expression,
        above="/".join(above),
        rival="/".join(subject.rivals),
        shared=subject.shared,
        unsure=tuple(_unsure_numbers(parts, subject)),
        counters=tuple(_counters(parts, subject)),
        session=session_of(parts),
        part=distinguishing(parts, subject.text),
        take=slug("_".join(filter(None, (subject.text, expression, without_views)))) if has_views else "",
    )


def _unsure_numbers(parts: Parts, subject: PathSubject) -> list[str]:
    if not subject.code or not is_unsure(subject.code):
        return []
    return [token.text for part in parts for token in part.of(Kind.NUMBER)]


def _counters(parts: Parts, subject: PathSubject) -> list[str]:
    """Return the numbers, dates and camera files below the subject, or beside it in the file name."""
    below = parts[subject.place + 1 :] or parts[-1:]
    found = [t for part in below for t in part.of(Kind.NUMBER, Kind.DATE, Kind.FILE, Kind.TAKE)]
    return [
        token.text
        for token in found
        if token.text != subject.text
        and (token.kind is not Kind.TAKE or pieces(token.value)[0] in (*_FILE_COUNTERS, *LETTERS))
    ]


def _expression(parts: Parts) -> list[Token]:
    """Return the token of the expression, nothing if there is none; refuse two."""
    found = [token for part in parts for token in part.of(Kind.EXPRESSION)]
    others = [token for part in parts for token in part.of(Kind.FEELING)]
    found, others = (found, others) if found else (others, [])
    twice = any(len(part.of(Kind.EXPRESSION, Kind.FEELING)) > 1 for part in parts)
    if twice or others or len({token.text.casefold() for token in found}) > 1:
        words = list(dict.fromkeys(token.text for token in [*found, *others]))
        named = " and ".join(map(repr, words[:2])) if len(words) > 1 else f"{words[0]!r} twice"
        raise UnclearError(Finding(f"name is ambiguous: it states {named}", remedy=RENAME))
    return found[:1]


def _unknown_expression(parts: Parts, known: frozenset[str]) -> list[Token]:
    """Return the only other words beside a clear subject: they may be an expression that is not known."""
    owners = [place for place, part in enumerate(parts) if part.code or part.text in known]
    if not owners and not parts[-1].of(*CODES):
        raise UnclearError(NEITHER)
    start = owners[-1] + 1 if owners and owners[-1] < len(parts) - 1 else len(parts) - 1
    holders = [part for part in parts[start:] if part.of(Kind.WORD)]
    if len(holders) != 1:
        raise UnclearError(NO_EXPRESSION)
    words = holders[0].of(Kind.WORD)
    first = holders[0].tokens.index(words[0])
    if list(holders[0].tokens[first : first + len(words)]) != words:
        raise UnclearError(NO_EXPRESSION)
    return words
