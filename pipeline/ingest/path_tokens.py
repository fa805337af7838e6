"""A path as the tokens of its folders and of its file name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from pipeline.ingest.name_tokens import IDENTITY, Kind, Token, is_padded, pieces, tokenize
from pipeline.ingest.names import normal
from pipeline.ingest.subject_codes import comparable

CODES = frozenset({Kind.CODE, Kind.WEAK})

_DISTINGUISHING = frozenset({Kind.SESSION, Kind.DATE, Kind.TAKE, Kind.VIEW, Kind.FILE, Kind.INTENSITY})
"""Kinds that tell clips of one subject and expression apart, wherever they are in the path."""

_MEANINGS = frozenset({Kind.EXPRESSION, Kind.FEELING})


@dataclass(frozen=True)
class Part:
    """A folder, or the file name without suffix."""

    text: str
    tokens: tuple[Token, ...]

    def of(self, *kinds: Kind) -> list[Token]:
        """Return the tokens of some kinds."""
        return [token for token in self.tokens if token.kind in kinds]

    @cached_property
    def identity(self) -> list[Token]:
        """The tokens that may be a subject."""
        return [token for token in self.tokens if token.kind in IDENTITY]

    @cached_property
    def code(self) -> Token | None:
        """The code, if it is all that may be a subject here."""
        return self.identity[0] if len(self.identity) == 1 and self.identity[0].kind in CODES else None

    @cached_property
    def is_word(self) -> bool:
        """Whether the whole text is one or more words that emo does not know, such as a name."""
        return bool(self.tokens) and all(token.kind is Kind.WORD for token in self.tokens)

    @cached_property
    def is_number(self) -> bool:
        """Whether the whole text is a number."""
        return len(self.tokens) == 1 and self.tokens[0].kind is Kind.NUMBER

    @cached_property
    def is_expression(self) -> bool:
        """Whether the text states an expression."""
        return bool(self.of(Kind.EXPRESSION, Kind.FEELING))

    @cached_property
    def is_mixed(self) -> bool:
        """Whether the text may name a subject, but not as a whole (`anna_2`, `S01T02`, `site1_S01`)."""
        if not self.identity or self.code or self.is_word or self.is_number:
            return False
        return bool(self.of(*CODES)) or not self.of(Kind.GROUP, Kind.DESCRIPTION)

    def without(self, *kinds: Kind) -> "Part":
        """Return the part without the tokens of some kinds."""
        return Part(self.text, tuple(token for token in self.tokens if token.kind not in kinds))

    def reads(self, tokens: Iterable[Token], kind: Kind) -> "Part":
        """Return the part with some tokens read as another kind."""
        changed = set(tokens)
        return Part(self.text, tuple(replace(t, kind=kind) if t in changed else t for t in self.tokens))


Parts = tuple[Part, ...]
"""Folders from the top, then the file name."""


def parts_of(path: PurePosixPath, declared: tuple[str, ...]) -> Parts:
    """Split a path; `T01`, `V01` and `R01` become codes if there is no other code, else takes."""
    texts = [normal(text) for text in (*path.parts[:-1], path.stem)]
    parts = tuple(Part(text, tokenize(text, declared)) for text in texts)
    lowest = max(
        (place for place, part in enumerate(parts) if part.code or _is_coded(parts, place)), default=-1
    )
    return tuple(_with_letters(part, place, lowest, len(parts)) for place, part in enumerate(parts))


def _is_coded(parts: Sequence[Part], place: int) -> bool:
    return place == len(parts) - 1 and bool(parts[place].of(*CODES))


def _with_letters(part: Part, place: int, lowest: int, count: int) -> Part:
    """Read letters with numbers as codes or takes; `lowest` is the place of another code, or -1."""
    letters = part.of(Kind.LETTER)
    may_be_code = lowest < 0 or (place < lowest and place < count - 1)
    codes = [token for token in letters if may_be_code and is_padded(token.text)]
    return part.reads(codes, Kind.WEAK).reads([t for t in letters if t not in codes], Kind.TAKE)


def distinguishing(parts: Sequence[Part], subject: str, *, with_views: bool = True) -> str:
    """Return what distinguishes the clips of one subject and expression, joined by `_`.

    Folders count as written, file names by their letters and digits.
    """
    code = comparable(subject)
    places = [place for place, part in enumerate(parts[:-1]) if _names(part, subject)]
    top = places[-1] if places else len(parts)
    texts: list[str] = []
    for place, part in enumerate(parts):
        for token in part.tokens:
            if token.kind is Kind.VIEW and not with_views:
                continue
            if place == len(parts) - 1:
                is_subject = token.text == subject or (token.kind in CODES and comparable(token.text) == code)
                texts += [] if is_subject or token.kind in _MEANINGS else pieces(token.text)
            elif token.kind is Kind.SESSION and not any(map(str.isdecimal, token.text)):
                continue  # the session states it
            elif token.kind in _DISTINGUISHING or (token.kind in (Kind.NUMBER, Kind.WORD) and place > top):
                texts += [token.text]
    return "_".join(texts)


def _names(part: Part, subject: str) -> bool:
    return part.text == subject or (part.code is not None and part.code.text == subject)


def session_of(parts: Sequence[Part]) -> str:
    """Return the session that a path states: a number, a word with its number, else a date; may be empty."""
    found = [token for part in parts for token in part.of(Kind.SESSION)]
    found = found or [token for part in parts for token in part.of(Kind.DATE)]
    return "-".join(dict.fromkeys(_session(token) for token in found))


def _session(token: Token) -> str:
    if token.kind is Kind.DATE:
        return token.value
    words = pieces(token.value)
    return words[-1] if len(words) == 2 and words[0] in ("ses", "session") else "".join(words)
