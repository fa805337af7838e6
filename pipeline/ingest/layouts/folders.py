"""A lab's own recordings, named by folders and files. S subject, E expression, T distinguishes takes.

    S/E[_T].mp4        S01/happy.mp4, S01/happy_2.mp4, S01/S01_happy.mp4
    S/E/*.mp4          S01/happy/001.mp4
    E/S[_T].mp4        happy/S01.mp4, happy/S01_2.mp4
    E/S/*.mp4          happy/S01/001.mp4
    S_E[_T].mp4        S01_happy.mp4, S01_happy_2.mp4, happy_S01.mp4, also below other folders

The folder given to the command is part of the path: `emo ingest S41` reads the subject S41. Folders of
sessions, takes and cameras (`ses-1`, `take2`, `cam_1`, `videos`) are ignored.

The worst error here is to confuse subjects: merging two subjects, or separating one into two, puts a person
on both sides of the split. All names of an ingest are therefore read together, and ambiguous names are
refused: two expressions in one path; a code whose end is unclear (`anna_1.mp4`); a code below two folders
(`siteA/S01`, `siteB/S01`) or in the folder of another subject (`S01/S02_happy.mp4` beside `S01/sad.mp4`); and
`X/happy/Y.mp4`, unless it is clear which of X and Y is the subject. X is, if it contains a digit or there are
several X, and Y is only a number (`001`, `clip2`). Y is, if there is one X without a digit
(`study/happy/S01.mp4`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Layout, NameReading, NameReadings, ParsedName, UnreadName
from pipeline.ingest.names import normal
from pipeline.runtime.text import listed
from pipeline.schema.expressions import canonical

PATTERN = "S01/happy.mp4, S01/happy/1.mp4, happy/S01.mp4 or S01_happy.mp4"

_UNREAD = UnreadName(
    f"name does not state subject and expression ({PATTERN}); rename it, or list it in a --manifest"
)

_IGNORED = re.compile(
    r"(?:ses|session|take|trial|run|rep|day|week|cam|camera|view)[ _-]?\w?\d*|videos?|recordings?|clips",
    re.IGNORECASE,
)
"""Folders that are neither a subject nor an expression."""

_PIECE = re.compile(r"[^\W\d_]+|\d+")
"""A run of letters or of digits in a name."""

_TAKE_WORDS = {"take", "trial", "run", "rep", "t", "v", "copy"}

_SUBJECT_WORDS = r"(?:sub|subj|subject|s|p|part|participant|actor|person|vp|id|speaker|user|volunteer)"

_NUMBERED = rf"{_SUBJECT_WORDS}[ _-]?\d+"
"""A code such as `sub-01`: the number is part of it."""

_CODE = re.compile(rf"{_NUMBERED}|[^\W_]+", re.IGNORECASE)
_CODE_AND_TAKE = re.compile(
    rf"(?P<subject>{_NUMBERED}|[^\W_]*[^\W\d_][^\W_]*\d[^\W_]*)[ _-]+(?P<take>(?:take|t)?[ _-]?\d+)"
    r"|(?P<name>[^\W_]+)(?:[ _-]+(?P<word>(?:take|t)[ _-]?\d+)| ?\((?P<copy>\d+)\))",
    re.IGNORECASE,
)

_COUNT = re.compile(r"(?:clip|video|vid|mov|img|rec|file|scene|take|trial|run|rep)?[ _-]?\d+", re.IGNORECASE)
"""A file name that is only a number and names no subject."""


@dataclass(frozen=True)
class _Candidate:
    """What one arrangement reads from one path."""

    parsed: ParsedName
    above: str
    "Folders above those that were read, joined by `/`."
    by_folder: bool
    "Whether a folder names the subject, not the file."
    rival: str = ""
    "Part of the file name that could be the subject instead of the folder; else empty."


_Arrangement = Callable[[tuple[str, ...], str], _Candidate | None]


def read(paths: Sequence[PurePosixPath]) -> NameReadings:
    """Read all the names of one ingest."""
    candidates = {path: _candidates(path) for path in paths}
    known = [(a, c) for found in candidates.values() for a, c in found.items() if _is_known(c)]
    votes = Counter(arrangement for arrangement, _ in known)
    usual = max(ARRANGEMENTS, key=lambda arrangement: votes[arrangement])
    subjects = len({c.parsed.subject for _, c in known if c.by_folder})
    chosen = {path: _choose(found, usual, subjects) for path, found in candidates.items()}
    return _checked(chosen)


def _candidates(path: PurePosixPath) -> dict[_Arrangement, _Candidate]:
    folders = tuple(normal(part) for part in path.parts[:-1])
    kept = tuple(part for part in folders if not _IGNORED.fullmatch(part))
    numbered = "_".join(part for part in folders if part not in kept and _has_digit(part))
    found = {}
    for arrangement in ARRANGEMENTS:
        candidate = arrangement(kept, normal(path.stem))
        if candidate and canonical(candidate.parsed.subject) is None:
            part = "_".join(filter(None, [numbered, candidate.parsed.part]))
            found[arrangement] = replace(candidate, parsed=replace(candidate.parsed, part=part))
    return found


def _choose(
    found: Mapping[_Arrangement, _Candidate], usual: _Arrangement, subjects: int
) -> _Candidate | UnreadName:
    """Choose one reading of a path. Only the most frequent arrangement may read an unknown expression.

    Args:
        found: What each arrangement reads from the path.
        usual: The most frequent arrangement in this ingest.
        subjects: Number of different folders that could be subjects.
    """
    known = [candidate for candidate in found.values() if _is_known(candidate)]
    if not known:
        return found.get(usual, _UNREAD)
    if len({canonical(candidate.parsed.word) for candidate in known}) > 1:
        return _ambiguous(known)
    by_folder = next((c for c in known if c.by_folder), None)
    by_file = next((c for c in known if not c.by_folder), None)
    if not by_folder or not by_folder.rival:
        return by_folder or by_file or _UNREAD
    is_folder = _is_folder(by_folder.parsed.subject, by_folder.rival, subjects)
    return _ambiguous(known) if is_folder is None else by_folder if is_folder else by_file or _UNREAD


def _is_folder(folder: str, file: str, subjects: int) -> bool | None:
    """Return whether the folder names the subject (else the file does); None if it is ambiguous."""
    numbered = _has_digit(folder)
    if _COUNT.fullmatch(file):
        return True if numbered or subjects > 1 else None
    if numbered:
        return True if subjects > 1 or not _has_digit(file) else None
    return False if subjects == 1 else None


def _ambiguous(known: Sequence[_Candidate]) -> UnreadName:
    names = {(canonical(c.parsed.word), name) for c in known for name in (c.parsed.subject, c.rival) if name}
    meanings = {f"{expression} of {name}" for expression, name in names}
    return UnreadName(f"name is ambiguous: {listed(sorted(meanings))}; rename it, or list it in a --manifest")


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _is_known(candidate: _Candidate) -> bool:
    return canonical(candidate.parsed.word) is not None


def _checked(chosen: Mapping[PurePosixPath, _Candidate | UnreadName]) -> dict[PurePosixPath, NameReading]:
    """Return the readings; refuse those that conflict with others of the same ingest."""
    above: dict[str, set[str]] = defaultdict(set)
    subjects = set()
    for candidate in chosen.values():
        if isinstance(candidate, _Candidate):
            above[candidate.parsed.subject].add(candidate.above)
            if candidate.by_folder and _is_known(candidate):
                subjects.add(candidate.parsed.subject)
    return {
        path: c if isinstance(c, UnreadName) else _conflict(c, above[c.parsed.subject], subjects) or c.parsed
        for path, c in chosen.items()
    }


def _conflict(candidate: _Candidate, above: set[str], subjects: set[str]) -> UnreadName | None:
    """Return why a reading may mean another subject, None if it cannot.

    Args:
        candidate: The reading.
        above: The folders above all files of its subject.
        subjects: Folders that name subjects.
    """
    subject = candidate.parsed.subject
    if len(above) > 1:
        folders = listed(sorted(folder or "." for folder in above))
        return UnreadName(
            f"subject {subject!r} is below {folders}: one subject or several? ingest each folder by itself, "
            "or list the clips in a --manifest"
        )
    others = sorted(subjects.intersection(candidate.above.split("/")) - {subject})
    if others:
        return UnreadName(
            f"names subject {subject!r}, but is in the folder of {others[0]!r}; move or rename it"
        )
    return None


def _subject_file(folders: tuple[str, ...], stem: str) -> _Candidate | None:
    """S/E[_T]."""
    if not folders:
        return None
    own = _without(stem, folders[-1])
    word, part = _split_word(own)
    rival = part if own == stem and part.isdigit() else ""
    return _candidate(folders[:-1], folders[-1], word, part, rival)


def _subject_folder(folders: tuple[str, ...], stem: str) -> _Candidate | None:
    """S/E/*."""
    if len(folders) < 2:
        return None
    own = _without(stem, folders[-1])
    rival = own if _without(own, folders[-2]) == own else ""
    return _candidate(folders[:-2], folders[-2], folders[-1], _rest(stem, folders[-2:]), rival)


def _expression_file(folders: tuple[str, ...], stem: str) -> _Candidate | None:
    """E/S[_T]."""
    if not folders:
        return None
    subject, part = _split_subject(_without(stem, folders[-1]))
    return _candidate(folders[:-1], subject, folders[-1], part)


def _expression_folder(folders: tuple[str, ...], stem: str) -> _Candidate | None:
    """E/S/*."""
    if len(folders) < 2:
        return None
    return _candidate(folders[:-2], folders[-1], folders[-2], _rest(stem, folders[-2:]), "")


def _flat(folders: tuple[str, ...], stem: str) -> _Candidate | None:
    """S_E[_T], or E_S[_T] with a subject code of one piece."""
    expressions = [piece for piece in _PIECE.finditer(stem) if canonical(piece[0])]
    if not expressions:
        return _flat_unknown(folders, stem)
    if len(expressions) > 1:
        return None
    piece = expressions[0]
    subject, rest = stem[: piece.start()].strip(" _-."), stem[piece.end() :].strip(" _-.")
    if not subject:
        subject, part = _split_subject(rest)
    else:
        part = "_".join(_PIECE.findall(rest))
    if folders and canonical(folders[-1]) not in (None, canonical(piece[0])):
        return None
    above = tuple(folder for folder in folders if not canonical(folder))
    return _candidate(above, subject, piece[0], part)


def _flat_unknown(folders: tuple[str, ...], stem: str) -> _Candidate | None:
    """S_E[_T] with an unknown expression, after a subject code that ends with a digit."""
    match = re.fullmatch(r"(?P<subject>[^\W_]*\d|[^\W\d]+[_-]\d+)[ _-]+(?P<rest>[^\W\d].*)", stem)
    if not match:
        return None
    word, part = _split_word(match["rest"])
    return _candidate(folders, match["subject"], word, part)


ARRANGEMENTS: tuple[_Arrangement, ...] = (
    _subject_file, _subject_folder, _expression_file, _expression_folder, _flat,
)  # fmt: skip


def _candidate(
    above: tuple[str, ...], subject: str, word: str, part: str, rival: str | None = None
) -> _Candidate | None:
    """Return a candidate, None without subject or expression; `rival` None: the file names the subject."""
    if not subject or not word:
        return None
    return _Candidate(ParsedName(subject, word, part=part), "/".join(above), rival is not None, rival or "")


def _split_word(text: str) -> tuple[str, str]:
    """Split `happy_take_2` or `happy2` into expression and take; two empty texts if other words follow."""
    pieces = _PIECE.findall(text)
    words = []
    for piece in pieces:
        if piece.isdigit() or piece.lower() in _TAKE_WORDS:
            break
        words.append(piece)
    rest = pieces[len(words) :]
    if any(not piece.isdigit() and piece.lower() not in _TAKE_WORDS for piece in rest):
        return "", ""
    return " ".join(words), "_".join(rest)


def _split_subject(text: str) -> tuple[str, str]:
    """Split `S01_2` into subject code and take; two empty texts if that is ambiguous."""
    if _COUNT.fullmatch(text) and not text.isdigit():
        return "", ""
    if _CODE.fullmatch(text):
        return text, ""
    match = _CODE_AND_TAKE.fullmatch(text)
    if not match:
        return "", ""
    take = match["take"] or match["word"] or match["copy"]
    return match["subject"] or match["name"], "_".join(_PIECE.findall(take))


def _without(stem: str, lead: str) -> str:
    """Remove the folder name at the start of a stem."""
    rest = stem[len(lead) :]
    if stem.casefold().startswith(lead.casefold()) and rest and not rest[0].isalnum():
        return rest.strip(" _-.")
    return stem


def _rest(stem: str, folders: tuple[str, ...]) -> str:
    """Remove the two folder names, in either order, from the start of a stem."""
    first, second = folders
    return "_".join(_PIECE.findall(_without(_without(_without(stem, first), second), first)))


LAYOUT = Layout("folders", PATTERN, read, reads_any_name=True)
