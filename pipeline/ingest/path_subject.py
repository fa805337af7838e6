"""The subject of one path, if nothing else in the path could be the subject."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.ingest.name_tokens import Kind, Token, is_padded, pieces
from pipeline.ingest.name_words import DESCRIPTION, FOLDER
from pipeline.ingest.path_findings import Finding, UnclearError, refuse
from pipeline.ingest.path_tokens import CODES, Part, Parts
from pipeline.ingest.subject_codes import comparable

LETTERS = ("t", "v", "r")
"""Letters before the number of a take."""

_GIVEN = frozenset((*FOLDER, *DESCRIPTION))
"""Words that cannot be names."""


@dataclass(frozen=True)
class PathSubject:
    """The subject that a path names."""

    text: str
    "As written."
    place: int
    "Place of its folder in the path; the last place is that of the file name."
    rivals: tuple[str, ...] = ()
    "Folders that may name the subject instead."
    shared: str = ""
    "Kind of text, if it may be the name of something that several subjects share; else empty."
    code: Token | None = None
    "The token, if the subject is a code such as `S01`."


def find_subject(parts: Parts) -> PathSubject:
    """Return the subject of a path; raise UnclearError if it has none, or may have several."""
    if any(part.code for part in parts[:-1]):
        subject = _of_coded_folder(parts)
    elif parts[-1].of(*CODES):
        subject = _of_coded_file(parts)
    else:
        subject = _of_plain_words(parts)
    letters = [t for part in parts for t in part.of(Kind.TAKE) if pieces(t.value)[0] in LETTERS]
    if letters and (not subject.code or is_unsure(subject.code)):
        refuse(subject.text, letters[0].text)  # subject S1 and take T1, or session S1 and subject T1?
    return subject


def _of_coded_folder(parts: Parts) -> PathSubject:
    """Read `S01/...`: nothing above or below may name another subject."""
    *_, (place, code) = [(place, part.code) for place, part in enumerate(parts[:-1]) if part.code]
    _check_above(parts[:place], code)
    is_firm = code.kind is Kind.CODE and pieces(code.value)[0] != "s"
    for depth, part in enumerate(parts[place + 1 :], place + 1):
        for token in part.identity:
            if token.kind in CODES and comparable(token.text) != comparable(code.text):
                found = f"names subject {token.text!r}, but is in the folder of {code.text!r}"
                raise UnclearError(Finding(found, remedy="move or rename it"))
            is_number = token.kind is Kind.NUMBER and (code.kind is Kind.CODE or depth == len(parts) - 1)
            is_letter = len(part.text) == 1 and code.kind is Kind.CODE and is_padded(code.text)
            is_qualified = token.kind is Kind.GROUP and any(map(str.isdecimal, token.text))
            if (
                token.kind is Kind.COMPOUND
                or is_qualified
                or not (is_letter or is_firm or is_number or token.kind in CODES)
            ):
                refuse(code.text, token.text)
    is_shared = code.kind is Kind.WEAK and len(pieces(code.text)[0]) > 2
    return PathSubject(code.text, place, _rivals(parts[:place]), "code" if is_shared else "", code)


def _check_above(above: Sequence[Part], code: Token) -> None:
    """Refuse a folder above that of a code if it, too, may name the subject."""
    for part in above:
        other = (
            part.code or next(iter(part.of(Kind.CODE)), None) or (part.tokens[0] if part.is_number else None)
        )
        if not other or comparable(other.text) == comparable(code.text):
            continue
        is_place = other.kind is Kind.WEAK and code.kind is Kind.CODE and len(pieces(other.text)[0]) > 2
        if not is_place:
            refuse(other.text, code.text)
    if is_unsure(code) and (rivals := _rivals(above)):
        refuse(rivals[-1], code.text)


def _of_coded_file(parts: Parts) -> PathSubject:
    """Read `S01_happy`: nothing else in the file name or in the folders may name another subject."""
    folders, stem = parts[:-1], parts[-1]
    code, *others = stem.of(*CODES)
    for token in [*others, *stem.of(Kind.WORD, Kind.GROUP, Kind.COMPOUND)]:
        if comparable(token.text) != comparable(code.text):
            refuse(*(t.text for t in sorted((code, token), key=lambda token: token.start)))
    _check_numbers_beside(stem, code)
    for part in folders:
        if part.is_number or part.of(Kind.CODE) or (part.is_mixed and not part.of(Kind.WORD, Kind.GROUP)):
            refuse(part.text, code.text)
    sites = _above_expression(folders, code.text)
    rivals = _rivals(folders)
    if rivals and (code.kind is Kind.WEAK or is_unsure(code)):
        refuse(rivals[-1], code.text)
    rivals = tuple(dict.fromkeys((*rivals, *sites)))
    return PathSubject(code.text, len(parts) - 1, rivals, "code" if code.kind is Kind.WEAK else "", code)


def _check_numbers_beside(stem: Part, code: Token) -> None:
    """Refuse `01_S01`, `K07_01` and `S01-1_happy`, in which the number may be part of the code."""
    place = stem.tokens.index(code)
    before = stem.tokens[place - 1] if place else None
    after = stem.tokens[place + 1] if place + 1 < len(stem.tokens) else None
    if before and before.kind is Kind.NUMBER:
        refuse(before.text, code.text)
    if after and after.kind is Kind.NUMBER:
        gap = stem.text[code.end : after.start]
        gaps = {stem.text[one.end : two.start] for one, two in pairwise(stem.tokens)}
        if code.kind is Kind.WEAK or (gap in ("-", ".", "") and len(gaps) > 1):
            refuse(code.text, stem.text[code.start : after.end])


def _above_expression(folders: Sequence[Part], subject: str) -> tuple[str, ...]:
    """Return X of `X/happy/Y.mp4`; refuse the path if X, too, may be a subject because it holds a digit."""
    found = [above.text for above, part in pairwise(folders) if part.is_expression and above.identity]
    for text in found:
        if any(map(str.isdecimal, text)):
            refuse(text, subject)
    return tuple(found)


def _of_plain_words(parts: Parts) -> PathSubject:
    """Read a name or number that nothing else in the path competes with."""
    folders, stem = parts[:-1], parts[-1]
    places = [place for place, part in enumerate(folders) if part.is_word or part.is_number]
    words = stem.of(Kind.WORD)
    if compound := stem.of(Kind.COMPOUND):
        refuse(*_readings_of(compound[0].text))
    mixed = [part.text for part in folders if part.is_mixed]
    texts = dict.fromkeys([*mixed, *(folders[place].text for place in places), *(t.text for t in words)])
    if len(texts) == 1 and mixed and mixed[0].isalnum():
        refuse(*_readings_of(mixed[0]))
    if codes := [token.text for part in folders if part.is_mixed for token in part.of(*CODES)]:
        refuse(codes[0], mixed[0])
    if mixed or len(words) > 1 or len({text.casefold() for text in texts}) > 1:
        refuse(*texts)
    if words:
        return _of_word(parts, words[0])
    if not places:
        return _of_described_folder(parts) or _of_long_number(parts)
    return _of_folder(parts, places[-1])


def _of_described_folder(parts: Parts) -> PathSubject | None:
    """Read `anna_edited/happy.mp4`: a word and a description of the recording, above nothing but a label."""
    *above, folder, stem = [Part("", ()), *parts]
    names = folder.of(Kind.WORD)
    is_described = len(names) == 1 and len(folder.tokens) == 1 + len(folder.of(Kind.DESCRIPTION))
    if not is_described or len(names[0].text) < 2 or len(stem.tokens) != 1 or any(p.identity for p in above):
        return None
    return PathSubject(names[0].text, len(parts) - 2, shared="folder")


def _of_folder(parts: Parts, place: int) -> PathSubject:
    part, below = parts[place], parts[place + 1 :]
    _check_letter(part.text, [token for other in parts if other is not part for token in other.tokens])
    numbers = [token.text for other in below for token in other.of(Kind.NUMBER)]
    below_expression = any(folder.is_expression for folder in parts[:place])
    if numbers and (part.is_number or below_expression or len(part.text) == 1):
        refuse(part.text, numbers[0])
    group = next((other.text for other in below if other.of(Kind.GROUP)), "")
    if group or (part.is_number and below_expression):
        refuse(*filter(None, (part.text, group)))
    return PathSubject(part.text, place, shared="folder" if part.is_word else "")


def _of_word(parts: Parts, word: Token) -> PathSubject:
    stem = parts[-1]
    _check_letter(word.text, [token for part in parts for token in part.tokens if token is not word])
    for token in stem.of(Kind.NUMBER):
        if not _is_last_take(stem, word, token):
            beside = abs(stem.tokens.index(word) - stem.tokens.index(token)) == 1
            whole = stem.text[min(word.start, token.start) : max(word.end, token.end)]
            refuse(word.text, whole if beside else token.text)
    if group := stem.of(Kind.GROUP):
        refuse(group[0].text, word.text)
    _above_expression(parts[:-1], word.text)
    return PathSubject(word.text, len(parts) - 1, shared="word")


def _check_letter(text: str, others: Iterable[Token]) -> None:
    """Refuse a letter as the subject beside a word that may be a name after all: `a_sony_happy`."""
    harmless = (Kind.EXPRESSION, Kind.FEELING, Kind.NUMBER)
    names = [token for token in others if token.kind not in harmless and token.text not in _GIVEN]
    if len(text) == 1 and names:
        refuse(text, names[-1].text)


def _is_last_take(stem: Part, word: Token, number: Token) -> bool:
    """Return whether a number can only be a take: `anna_happy_2`."""
    between = [token for token in stem.tokens if word.start < token.start < number.start]
    follows = any(token.kind in (Kind.EXPRESSION, Kind.FEELING) for token in between)
    return follows and stem.tokens[-1] == number and len(number.text) < 3 and len(word.text) > 1


def _of_long_number(parts: Parts) -> PathSubject:
    """Read `4711_happy_2`: a number of four digits or more that is no year and has no leading zero."""
    stem = parts[-1]
    numbers = stem.of(Kind.NUMBER)
    codes = [token for token in numbers if _is_long(token.text)]
    others = [token for token in numbers if token not in codes]
    places = [place for place, token in enumerate(stem.tokens) if token.kind is Kind.NUMBER]
    adjacent = any(two - one == 1 for one, two in pairwise(places))
    if len(codes) != 1 or adjacent or any(len(token.text) > 2 for token in others) or stem.of(Kind.GROUP):
        refuse(*[token.text for token in numbers[:1]])
    return PathSubject(codes[0].text, len(parts) - 1, shared="number")


def _is_long(number: str) -> bool:
    is_year = len(number) == 4 and 1900 <= int(number) < 2100
    return len(number) > 3 and number[0] != "0" and not is_year


def _readings_of(compound: str) -> tuple[str, ...]:
    """Return what may be the code in `S01T02`: `S01`, or all of it."""
    first, second, *_ = pieces(compound)
    return (compound[: len(first) + len(second)], compound)


def is_unsure(code: Token) -> bool:
    """Return whether a code may as well be a session or camera: `S1`, `K2`."""
    return not is_padded(code.text) and (code.kind is Kind.WEAK or pieces(code.value)[0] == "s")


def _rivals(folders: Iterable[Part]) -> tuple[str, ...]:
    return tuple(part.text for part in folders if part.is_word)
