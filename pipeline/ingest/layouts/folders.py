"""One's own recordings, named by folders and files. S subject, E expression, T what tells takes apart.

    S/E[_T].mp4        S01/happy.mp4, S01/happy_2.mp4, S01/S01_happy.mp4
    S/E/*.mp4          S01/happy/001.mp4
    E/S[_T].mp4        happy/S01.mp4, happy/S01_2.mp4
    E/S/*.mp4          happy/S01/001.mp4
    S_E[_T].mp4        S01_happy.mp4, S01_happy_2.mp4, happy_S01.mp4, also below other folders

The folder given to the command counts: `emo ingest S41` finds S41 in the names. Folders of sessions,
takes and cameras (`ses-1`, `take2`, `cam_1`, `videos`) are passed over.

Taking two people for one, or one for two, is the worst mistake here: it puts a person on both sides of
the split. So all names of an ingest are read together, and what stays open is refused: two expressions
in one path, a code whose end is not clear (`anna_1.mp4`), a code below two folders (`siteA/S01`,
`siteB/S01`) or in the folder of another (`S01/S02_happy.mp4` beside `S01/sad.mp4`), and `X/happy/Y.mp4`
unless it is plain which of X and Y is the person. It is X where X has a number in it or there are
several X, and Y is a mere count (`001`, `clip2`); it is Y where there is one X without a number
(`study/happy/S01.mp4`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Layout, Named, Reading, Readings, Unread
from pipeline.ingest.names import normal
from pipeline.runtime.text import listed
from pipeline.schema.expressions import canonical

PATTERN = "S01/happy.mp4, S01/happy/1.mp4, happy/S01.mp4 or S01_happy.mp4"

_OPEN = Unread(
    f"its name does not tell subject and expression ({PATTERN}); rename it, or name it in a --manifest"
)

_PASSED = re.compile(
    r"(?:ses|session|take|trial|run|rep|day|week|cam|camera|view)[ _-]?\w?\d*|videos?|recordings?|clips",
    re.IGNORECASE,
)
"""Folders that are neither a subject nor an expression."""

_PIECE = re.compile(r"[^\W\d_]+|\d+")
"""A name's letters and its digits, apart."""

_TAKE_WORDS = {"take", "trial", "run", "rep", "t", "v", "copy"}

_SUBJECT_WORDS = r"(?:sub|subj|subject|s|p|part|participant|actor|person|vp|id|speaker|user|volunteer)"

_NUMBERED = rf"{_SUBJECT_WORDS}[ _-]?\d+"
"""A code such as `sub-01`: the number belongs to it."""

_WHOLE = re.compile(rf"{_NUMBERED}|[^\W_]+", re.IGNORECASE)
_WITH_TAKE = re.compile(
    rf"(?P<subject>{_NUMBERED}|[^\W_]*[^\W\d_][^\W_]*\d[^\W_]*)[ _-]+(?P<take>(?:take|t)?[ _-]?\d+)"
    r"|(?P<name>[^\W_]+)(?:[ _-]+(?P<word>(?:take|t)[ _-]?\d+)| ?\((?P<copy>\d+)\))",
    re.IGNORECASE,
)

_COUNT = re.compile(r"(?:clip|video|vid|mov|img|rec|file|scene|take|trial|run|rep)?[ _-]?\d+", re.IGNORECASE)
"""A file's name that counts, and does not name a person."""


@dataclass(frozen=True)
class _Candidate:
    """A reading of one path by one arrangement."""

    named: Named
    above: str
    "the folders above those that were read"
    by_folder: bool
    "the subject is a folder, not a file"
    rival: str = ""
    "what the file is called, where the subject is a folder and this could be one too"


_Arrangement = Callable[[tuple[str, ...], str], _Candidate | None]


def read(paths: Sequence[PurePosixPath]) -> Readings:
    """Read all the names of one ingest."""
    candidates = {path: _candidates(path) for path in paths}
    known = [(a, c) for found in candidates.values() for a, c in found.items() if _is_known(c)]
    votes = Counter(arrangement for arrangement, _ in known)
    usual = max(ARRANGEMENTS, key=lambda arrangement: votes[arrangement])
    people = len({c.named.subject for _, c in known if c.by_folder})
    chosen = {path: _choose(found, usual, people) for path, found in candidates.items()}
    return _checked(chosen)


def _candidates(path: PurePosixPath) -> dict[_Arrangement, _Candidate]:
    folders = tuple(normal(part) for part in path.parts[:-1])
    kept = tuple(part for part in folders if not _PASSED.fullmatch(part))
    passed = "_".join(part for part in folders if part not in kept and any(map(str.isdigit, part)))
    found = {}
    for arrangement in ARRANGEMENTS:
        candidate = arrangement(kept, normal(path.stem))
        if candidate and canonical(candidate.named.subject) is None:
            part = "_".join(filter(None, [passed, candidate.named.part]))
            found[arrangement] = replace(candidate, named=replace(candidate.named, part=part))
    return found


def _choose(
    found: Mapping[_Arrangement, _Candidate], usual: _Arrangement, people: int
) -> _Candidate | Unread:
    """Return the one reading of a path; an unknown expression only by the most usual arrangement.

    `people` is how many different folders could be subjects.
    """
    known = [candidate for candidate in found.values() if _is_known(candidate)]
    if not known:
        return found.get(usual, _OPEN)
    if len({canonical(candidate.named.word) for candidate in known}) > 1:
        return _ambiguous(known)
    by_folder = next((c for c in known if c.by_folder), None)
    by_file = next((c for c in known if not c.by_folder), None)
    if not by_folder or not by_folder.rival:
        return by_folder or by_file or _OPEN
    is_folder = _is_folder(by_folder.named.subject, by_folder.rival, people)
    return _ambiguous(known) if is_folder is None else by_folder if is_folder else by_file or _OPEN


def _is_folder(folder: str, file: str, people: int) -> bool | None:
    """Tell whether the subject is the folder or is named in the file; None where either could be."""
    numbered = any(map(str.isdigit, folder))
    if _COUNT.fullmatch(file):
        return True if numbered or people > 1 else None
    if numbered:
        return True if people > 1 or not any(map(str.isdigit, file)) else None
    return False if people == 1 else None


def _ambiguous(known: Sequence[_Candidate]) -> Unread:
    names = {(canonical(c.named.word), name) for c in known for name in (c.named.subject, c.rival) if name}
    said = {f"{expression} of {name}" for expression, name in names}
    return Unread(f"can be read as {listed(sorted(said))}; rename it, or name it in a --manifest")


def _is_known(candidate: _Candidate) -> bool:
    return canonical(candidate.named.word) is not None


def _checked(chosen: Mapping[PurePosixPath, _Candidate | Unread]) -> dict[PurePosixPath, Reading]:
    """Return the readings, without those that others of the same ingest put in doubt."""
    places: dict[str, set[str]] = defaultdict(set)
    people = set()
    for candidate in chosen.values():
        if isinstance(candidate, _Candidate):
            places[candidate.named.subject].add(candidate.above)
            if candidate.by_folder and _is_known(candidate):
                people.add(candidate.named.subject)
    return {
        path: c if isinstance(c, Unread) else _doubt(c, places[c.named.subject], people) or c.named
        for path, c in chosen.items()
    }


def _doubt(candidate: _Candidate, places: set[str], people: set[str]) -> Unread | None:
    """Return why a reading may mean another person; `people` are the folders that are subjects."""
    subject = candidate.named.subject
    if len(places) > 1:
        said = listed(sorted(place or "." for place in places))
        return Unread(
            f"subject {subject!r} is below {said}: one person or several? ingest each folder by itself, or "
            "name the clips in a --manifest"
        )
    others = sorted(people.intersection(candidate.above.split("/")) - {subject})
    if others:
        return Unread(f"names {subject!r}, but lies in the folder of {others[0]!r}; move or rename it")
    return None


# --- Arrangements ---------------------------------------------------------------------------------


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
    """S_E[_T], or E_S[_T] with a subject's code of one piece."""
    pieces = list(_PIECE.finditer(stem))
    places = [index for index, piece in enumerate(pieces) if canonical(piece[0])]
    if not places:
        return _flat_unknown(folders, stem)
    if len(places) > 1:
        return None
    piece = pieces[places[0]]
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
    """S_E[_T] with an expression that is none of the seven, after a subject's code with a number."""
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
    """Return a reading, if there is one; `rival` None: the subject is named in the file."""
    if not subject or not word:
        return None
    return _Candidate(Named(subject, word, part=part), "/".join(above), rival is not None, rival or "")


def _split_word(text: str) -> tuple[str, str]:
    """Split `happy_take_2` or `happy2` into the expression and the take; no expression in others."""
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
    """Split `S01_2` into the subject's code and the take; two empty texts where that is open."""
    if _COUNT.fullmatch(text) and not text.isdigit():
        return "", ""
    if _WHOLE.fullmatch(text):
        return text, ""
    match = _WITH_TAKE.fullmatch(text)
    if not match:
        return "", ""
    take = match["take"] or match["word"] or match["copy"]
    return match["subject"] or match["name"], "_".join(_PIECE.findall(take))


def _without(stem: str, lead: str) -> str:
    """Return a stem without the name of its folder in front."""
    rest = stem[len(lead) :]
    if stem.casefold().startswith(lead.casefold()) and rest and not rest[0].isalnum():
        return rest.strip(" _-.")
    return stem


def _rest(stem: str, folders: tuple[str, ...]) -> str:
    """Return what a stem says beyond its folders, in either order."""
    first, second = folders
    return "_".join(_PIECE.findall(_without(_without(_without(stem, first), second), first)))


LAYOUT = Layout("folders", PATTERN, read)
