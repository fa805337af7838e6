"""The tokens of a folder or file name: what each piece of `S01_ses1_happy_GX010012` can state."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache

from pipeline.ingest import name_words as words
from pipeline.schema.expressions import canonical


class Kind(Enum):
    """What a token can state. The kinds up to `GROUP` may be a subject, or part of its code."""

    CODE = auto()
    "A subject code: `S01`, `sub-01`, `P_01`."
    WEAK = auto()
    "Letters and digits that may be a code: `K07`, `anna1`."
    LETTER = auto()
    "`T01`, `V01`, `R01`: a code, or a take, video or run."
    COMPOUND = auto()
    "Letters and digits in turns, whose end is unclear: `S01T02`, `P001a`."
    NUMBER = auto()
    WORD = auto()
    GROUP = auto()
    "`group1`, `study`: it may qualify a code."

    EXPRESSION = auto()
    FEELING = auto()
    "A word for an expression that is not known."
    SESSION = auto()
    DATE = auto()
    TAKE = auto()
    VIEW = auto()
    "Camera, side or device: views of one performance differ in it."
    FILE = auto()
    "A file name that a camera gives: `GX010012`, `IMG_1234`."
    INTENSITY = auto()
    DESCRIPTION = auto()


IDENTITY = frozenset({Kind.CODE, Kind.WEAK, Kind.LETTER, Kind.COMPOUND, Kind.NUMBER, Kind.WORD, Kind.GROUP})
"""Kinds that may be a subject, or part of its code."""


@dataclass(frozen=True)
class Token:
    """One token of a name."""

    kind: Kind
    text: str
    "As written."
    value: str
    "Normal form: of a date `2024-05-01`, of an expression its name, else the text in lower case."
    start: int
    end: int


@lru_cache(maxsize=100_000)
def tokenize(name: str, declared: tuple[str, ...] = ()) -> tuple[Token, ...]:
    """Split the name of a folder, or the stem of a file name, into tokens.

    Args:
        name: The name, with composed characters.
        declared: Words for expressions beyond those that emo knows.
    """
    tokens: list[Token] = []
    position = 0
    while chunk := _CHUNK.search(name, position):
        found = _token_at(name, chunk.start(), declared) or _split(chunk[0], chunk.start(), declared)
        tokens += found
        position = found[-1].end
    return tuple(tokens)


def pieces(text: str) -> list[str]:
    """Return the runs of letters and of digits in a text."""
    return _PIECE.findall(text)


def is_padded(text: str) -> bool:
    """Return whether the number in a code has several digits, as codes of subjects often have."""
    return len(re.sub(r"\D", "", text)) > 1


_CHUNK = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_END = r"(?![^\W_])"


def _any(texts: Iterable[str]) -> str:
    return "|".join(sorted(texts, key=len, reverse=True))


_NUMBER = rf"[ _-]?(?:\d+|{_any(words.NUMBERS)})"
_YEAR, _MONTH, _DAY = r"(?:19[89]\d|20[0-4]\d)", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_SHORT = r"[0-4]\d"
_TIME = r"(?:[T _-]*(?:at )?(?:[01]\d|2[0-3])(?:[0-5]\d[0-5]\d\d{0,3}|[-.h:][0-5]\d(?:[-.m:][0-5]\d)?))?"
"""Six digits or more, or parts: four digits after a date may be a code."""
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"


def _dates() -> list[str]:
    """Return the patterns of dates; each names the year, the month and the day if they are clear."""
    year, month, day = f"(?P<y>{_YEAR})", f"(?P<m>{_MONTH})", f"(?P<d>{_DAY})"
    return [
        f"{year}(?P<s>[-_. ]?){month}(?P=s){day}{_TIME}",
        f"{day}(?P<s>[-_. ]?){month}(?P=s){year}",
        f"(?:{_MONTH}|{_DAY})(?P<s>[-.]){_DAY}(?P=s){_YEAR}",
        rf"{_DAY}[-_. ]?{_MONTHS}[-_. ]?(?:{_YEAR}|{_SHORT})",
        rf"{_YEAR}[-_. ]?{_MONTHS}[-_. ]?{_DAY}",
        rf"{_SHORT}(?P<s>[-.]){_MONTH}(?P=s){_DAY}",
        rf"{_DAY}(?P<s>[-.]){_MONTH}(?P=s){_SHORT}",
        rf"{_SHORT}{_MONTH}{_DAY}",
        rf"{_DAY}{_MONTH}{_SHORT}",
        rf"{_YEAR}[-]{_MONTH}",
        _YEAR,
    ]


_CAMERA_FILES = (
    r"G[HXLPS][0-9A-Z]{2}\d{4}",
    r"GOPR\d{4}",
    rf"(?:IMG|DSC|DSCN|DSCF|MVI|MOV|VID|PXL|MAH|CIMG|DJI|WIN|SAM|PICT|REC|FILE|CLIP)[_-]?E?"
    rf"(?:{_YEAR}{_MONTH}{_DAY}(?:[_-](?:WA)?\d+)*(?:_Pro)?|\d{{3,}})",
    r"M2U\d{5}|P\d{7}",
    r"C\d{4}",
    rf"WhatsApp[ _]Video[ _]{_YEAR}-{_MONTH}-{_DAY}{_TIME}",
)

_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(f"(?:{pattern}){_END}", re.IGNORECASE))
    for kind, pattern in (
        *((Kind.FILE, pattern) for pattern in _CAMERA_FILES),
        *((Kind.DATE, pattern) for pattern in _dates()),
        (Kind.SESSION, rf"(?:{_any(words.SESSION)}){_NUMBER}"),
        (Kind.SESSION, r"(?:ses|session|visit)(?:[ _-][a-z]|[ _-]?[a-z]\d+)"),
        (Kind.CODE, r"sub-[^\W_]+"),
        (Kind.VIEW, rf"(?:{_any(words.VIEW)})[ _-]?\d"),
        (Kind.VIEW, r"(?:cam|camera|kamera|view|angle)[ _-][a-d]"),
        (Kind.VIEW, r"(?:left|right|up|down|yaw)[ _-]?(?:15|30|45|60|75|90)"),
        (Kind.VIEW, rf"(?:{_any(words.VIEW_ALONE)})\d+"),
        (Kind.INTENSITY, rf"(?:{_any(words.INTENSITY)})[ _-]?(?:\d+|{_any(words.INTENSITY_ALONE)})"),
        (Kind.TAKE, rf"(?:{_any(words.TAKE)}){_NUMBER}"),
        (Kind.GROUP, rf"(?:{_any(words.GROUP)})[ _-]?(?:\d+|[a-z])"),
        (Kind.CODE, rf"(?:{_any(words.SUBJECT)})[ _-]?\d+"),
        (Kind.LETTER, r"[tvr]\d+"),
        (Kind.TAKE, r"\d+(?:st|nd|rd|th)"),
        (Kind.DESCRIPTION, r"\d+(?:fps|p|k|hz)"),
    )
)


def _token_at(name: str, start: int, declared: tuple[str, ...]) -> list[Token]:
    """Return the token of several chunks, or with a known word, that starts here, if there is one."""
    if found := _expression_at(name, start, declared):
        return [found]
    if name[start - 1 : start] == "(" and (match := re.compile(r"\d+(?=\))").match(name, start)):
        return [Token(Kind.TAKE, match[0], match[0], *match.span())]  # `happy (2)`, a copy
    for kind, pattern in _PATTERNS:
        if match := pattern.match(name, start):
            value = _date(match) if kind is Kind.DATE else match[0].lower()
            return [Token(kind, match[0], value, *match.span())]
    return []


def _expression_at(name: str, start: int, declared: tuple[str, ...]) -> Token | None:
    chunks = list(_CHUNK.finditer(name, start))[:3]
    for last in reversed(chunks):
        text = name[start : last.end()]
        if expression := canonical(text, declared):
            return Token(Kind.EXPRESSION, text, expression, start, last.end())
    return None


def _date(match: re.Match[str]) -> str:
    groups = match.groupdict()
    if groups.get("y") and groups.get("m") and groups.get("d"):
        return f"{groups['y']}-{groups['m']}-{groups['d']}"
    return "-".join(_CHUNK.findall(match[0].lower()))


def _split(chunk: str, start: int, declared: tuple[str, ...]) -> list[Token]:
    """Return the tokens of one chunk: an expression between other text (`S01happy2`), or the whole."""
    found = list(_PIECE.finditer(chunk))
    for piece in found if len(found) > 1 else ():
        if expression := canonical(piece[0], declared):
            before, after = chunk[: piece.start()], chunk[piece.end() :]
            token = Token(Kind.EXPRESSION, piece[0], expression, start + piece.start(), start + piece.end())
            ahead = _whole(before, start, declared) if before else []
            rest = _whole(after, token.end, declared) if after else []
            return [*ahead, token, *rest]
    return [Token(_kind(chunk), chunk, chunk.lower(), start, start + len(chunk))]


def _whole(text: str, start: int, declared: tuple[str, ...]) -> list[Token]:
    """Return the tokens of a text that starts at `start` of a longer name."""
    return [
        Token(token.kind, token.text, token.value, token.start + start, token.end + start)
        for token in tokenize(text, declared)
    ]


def _kind(chunk: str) -> Kind:
    found = pieces(chunk)
    if chunk.isdecimal():
        return Kind.NUMBER
    if len(found) == 1:
        return _kind_of_word(chunk.lower())
    if len(found) == 2 and found[1].isdecimal():
        kind = _kind_of_word(found[0].lower())
        return Kind.WEAK if kind in (Kind.WORD, Kind.DESCRIPTION, Kind.FEELING) else kind
    return Kind.COMPOUND


@cache
def _kinds_of_words() -> dict[str, Kind]:
    return {
        **dict.fromkeys((*words.FOLDER, *words.GROUP), Kind.GROUP),
        **dict.fromkeys(words.FEELING, Kind.FEELING),
        **dict.fromkeys(words.DESCRIPTION, Kind.DESCRIPTION),
        **dict.fromkeys(words.INTENSITY_ALONE, Kind.INTENSITY),
        **dict.fromkeys(words.VIEW_ALONE, Kind.VIEW),
        **dict.fromkeys(words.SESSION_ALONE, Kind.SESSION),
    }


def _kind_of_word(word: str) -> Kind:
    if any(part in word for part in words.FOLDER_PART) and word not in words.DESCRIPTION:
        return Kind.GROUP
    return _kinds_of_words().get(word, Kind.WORD)
