"""Ways in which labs name recordings: generated names whose subjects and expressions are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from hypothesis import strategies as st

EXPRESSIONS = {
    "angry": ("angry", "anger", "Angry", "ANG", "rage"),
    "disgusted": ("disgusted", "disgust", "DISGUST", "dis"),
    "happy": ("happy", "joy", "Happiness", "HAP", "smile"),
    "neutral": ("neutral", "NEU", "rest", "no expression"),
    "sad": ("sad", "sadness", "SAD"),
    "scared": ("scared", "fear", "Afraid", "FEA"),
    "surprised": ("surprised", "surprise", "SUR"),
}

_NAMES = ["anna", "bob", "carla", "dieter", "eva", "frank", "gina", "hans", "ida", "jan", "kim", "lea"]
_TRICKY = ["joy", "max", "noa", "tom", "day", "mark", "will", "sony", "hope", "tag", "an", "ha"]
_INITIALS = ["AB", "CD", "EF", "AN", "HA", "SA", "SU", "KM", "NE", "TV", "S", "DIS"]
_PREFIXES = ["AB", "CD", "EF", "AN", "HA", "SA", "SU", "KM", "NE", "TV", "X", "BL"]
_NUMBERS = [1, 2, 3, 4, 7, 10, 11, 12, 21, 33, 45, 60]

CODES: dict[str, list[str]] = {
    "S01": [f"S{n:02}" for n in _NUMBERS],
    "S1": [f"S{n}" for n in _NUMBERS],
    "s001": [f"s{n:03}" for n in _NUMBERS],
    "P001": [f"P{n:03}" for n in _NUMBERS],
    "sub-01": [f"sub-{n:02}" for n in _NUMBERS],
    "sub-anna": [f"sub-{name}" for name in _NAMES],
    "VP_01": [f"VP_{n:02}" for n in _NUMBERS],
    "VP1": [f"VP{n}" for n in _NUMBERS],
    "V01": [f"V{n:02}" for n in _NUMBERS],
    "T1": [f"T{n}" for n in _NUMBERS],
    "K07": [f"K{n:02}" for n in _NUMBERS],
    "subject 1": [f"subject {n}" for n in _NUMBERS],
    "4711": [str(4700 + 11 * n) for n in _NUMBERS],
    "001": [f"{n:03}" for n in _NUMBERS],
    "1": [str(n) for n in _NUMBERS],
    "M01, W02": [f"{'MW'[n % 2]}{n:02}" for n in _NUMBERS],
    "AB12": [f"{initials}{n:02}" for initials, n in zip(_PREFIXES, _NUMBERS, strict=True)],
    "emo01": [f"emo{n:02}" for n in _NUMBERS],
    "anna1": [f"{name}{n % 3}" for name, n in zip(_NAMES, _NUMBERS, strict=True)],
    "anna": _NAMES,
    "Anna": [name.title() for name in _NAMES],
    "joy": _TRICKY,
    "AB": _INITIALS,
    "A": list("ABCDEFGHIJKL"),
    "Anna M": [f"{name.title()} {initials[0]}" for name, initials in zip(_NAMES, _INITIALS, strict=True)],
    "sad01": [f"sad{n:02}" for n in _NUMBERS],
    "S01a": [f"S{n:02}{letter}" for n, letter in zip(_NUMBERS, "ababababcdab", strict=True)],
    "a7f3": ["a7f3", "b2c9", "9e1d", "77ab", "c0de", "1f2e", "d4d4", "e5a1", "f00d", "3b3b", "8a8a", "6c7d"],
}
"""Codes of the subjects, by style."""

TOKENS: dict[str, list[str]] = {
    "session": ["ses1", "ses2", "ses3"],
    "session, BIDS": ["ses-01", "ses-02", "ses-03"],
    "session, letters": ["session A", "session B", "session C"],
    "session, one letter": ["S1", "S2", "S3"],
    "visit": ["visit_1", "visit_2", "visit_3"],
    "day": ["day1", "day2", "day3"],
    "time of day": ["morning", "evening", "afternoon"],
    "pre, post": ["pre", "post", "followup"],
    "timepoint": ["T1", "T2", "T3"],
    "trial": ["trial01", "trial02", "trial03"],
    "trial, spelt": ["trial 1", "trial 2", "trial 3"],
    "run": ["run-01", "run-02", "run-03"],
    "repetition": ["rep1", "rep2", "rep3"],
    "take": ["take2", "take3", "take4"],
    "take, one letter": ["t1", "t2", "t3"],
    "version": ["v1", "v2", "v3"],
    "order": ["01", "02", "03"],
    "order, unpadded": ["1", "2", "3"],
    "order, long": ["001", "002", "003"],
    "order, large": ["1201", "1202", "1203"],
    "copy": ["(1)", "(2)", "(3)"],
    "letter": ["a", "b", "c"],
    "date": ["2024-05-01", "2024-05-02", "2024-06-13"],
    "date, compact": ["20240501", "20240502", "20240613"],
    "date, European": ["01.05.2024", "02.05.2024", "13.06.2024"],
    "date, short": ["240501", "240502", "240613"],
    "date, words": ["01May2024", "02May2024", "13Jun2024"],
    "date and time": ["20240501_123456", "20240502_090000", "20240613_154500"],
    "GoPro": ["GX010012", "GX010013", "GX010014"],
    "phone": ["IMG_1234", "IMG_1235", "IMG_1236"],
    "Android": ["VID_20240501_123456", "VID_20240501_123502", "VID_20240502_090000"],
    "Sony": ["C0012", "C0013", "C0014"],
    "side": ["left", "right", "front"],
    "camera": ["cam1", "cam2", "cam3"],
    "camera, letters": ["cam_A", "cam_B", "cam_C"],
    "device": ["gopro", "iphone", "webcam"],
    "intensity": ["strong", "weak", "mild"],
    "level": ["level_1", "level_2", "level_3"],
    "condition": ["posed", "spontaneous", "acted"],
    "block": ["block1", "block2", "block3"],
    "place": ["kitchen", "garden", "office"],
    "light": ["bright", "dim", "dark"],
    "rater": ["lisa", "peter", "maria"],
    "site": ["site1", "site2", "site3"],
    "site, letters": ["siteA", "siteB", "siteC"],
    "group": ["group1", "group2", "group3"],
    "study": ["EMO24", "EMO24", "EMO24"],
    "phase": ["E1", "E2", "E3"],
}
"""What else names may state, with three values of each."""

UNKNOWN_WORDS = ("place", "light", "rater")

SITES = ("site", "site, letters", "group", "place", "study")

GIVEN = ["rec", "study", "Aufnahmen", "data2024", "Faces", "smith_lab", "Elisa", "Berlin", "x"]


@dataclass(frozen=True)
class Recording:
    """A name, and what it means."""

    path: PurePosixPath
    person: str
    expression: str


@dataclass(frozen=True)
class Token:
    """One further element of the names of a scheme."""

    name: str
    "Key of TOKENS."
    place: float
    "Where it is among the elements, 0 to 1."
    in_folder: bool
    varies: bool
    "Whether a person has several of its values; otherwise each person has one of them."

    @property
    def is_above(self) -> bool:
        """Whether it is a folder above those of subject and expression."""
        return self.in_folder and self.place < 0.4


@dataclass(frozen=True)
class Scheme:
    """A way of naming the recordings of a study."""

    codes: str
    "Key of CODES."
    people: int
    given: str
    "Name of the folder that is given to `emo ingest`."
    subject_in_folder: bool
    expression_in_folder: bool
    subject_first: bool
    subject_again: bool
    "Whether the file name repeats the code of the subject's folder."
    tokens: tuple[Token, ...]
    separators: str
    "One or two characters that join the elements of a file name in turn."
    case: str
    words: int
    "Which synonym of each expression."
    expressions: tuple[str, ...]
    per_site: bool
    "Whether people are numbered in each site, if the first token is a site."

    def recordings(self) -> list[Recording]:
        """Return the names; one for each of a few combinations of person, expression and token."""
        codes = CODES[self.codes][: self.people]
        found: dict[PurePosixPath, Recording] = {}
        for number, code in enumerate(codes):
            for turn, expression in enumerate(self.expressions):
                values = [self._value(token, number, turn) for token in self.tokens]
                path = self._path(code, expression, values)
                site = values[0] if self.has_sites else ""
                person = f"{code} {site}"
                found.setdefault(path, Recording(path, person, expression))
        return list(found.values())

    @property
    def has_sites(self) -> bool:
        """Whether people of one code are told apart by a site."""
        return self.per_site and bool(self.tokens) and self.tokens[0].name in SITES

    def _value(self, token: Token, number: int, turn: int) -> str:
        values = TOKENS[token.name]
        return values[turn % 3] if token.varies else values[number % 3]

    def _path(self, code: str, expression: str, values: Sequence[str]) -> PurePosixPath:
        words = EXPRESSIONS[expression]
        word = words[self.words % len(words)]
        first, last = (0.4, 0.6) if self.subject_first else (0.6, 0.4)
        elements = [(first, code, self.subject_in_folder), (last, word, self.expression_in_folder)]
        if self.subject_again and self.subject_in_folder:
            elements.append((0.3, code, False))
        for token, value in zip(self.tokens, values, strict=True):
            elements.append((token.place, value, token.in_folder))
        elements.sort(key=lambda element: element[0])
        folders = [self._cased(text) for _, text, in_folder in elements if in_folder]
        stem = self._joined([self._cased(text) for _, text, in_folder in elements if not in_folder])
        return PurePosixPath(self.given, *folders, f"{stem or 'video'}.mp4")

    def _joined(self, texts: Sequence[str]) -> str:
        joined = ""
        for place, text in enumerate(texts):
            joined += (self.separators[place % len(self.separators)] if joined else "") + text
        return joined

    def _cased(self, text: str) -> str:
        return {"lower": text.lower(), "upper": text.upper()}.get(self.case, text)


TOKEN = st.builds(
    Token,
    name=st.sampled_from(sorted(TOKENS)),
    place=st.sampled_from([0.0, 0.1, 0.35, 0.5, 0.7, 0.9]),
    in_folder=st.booleans(),
    varies=st.booleans(),
)


def _is_decidable(scheme: Scheme) -> bool:
    """Return whether a careful reader could tell the subjects.

    `bright/happy/001.mp4` and `anna/happy/001.mp4` have the same form, as have `bright_happy_1.mp4` and
    `anna_happy_1.mp4`: emo takes the words for the subjects.
    """
    if scheme.has_sites and scheme.subject_in_folder and not scheme.tokens[0].is_above:
        return False  # the folder of a subject holds one person
    has_names = any(token.name in UNKNOWN_WORDS for token in scheme.tokens)
    return not (has_names and CODES[scheme.codes][0].isdigit() and not scheme.subject_in_folder)


SCHEMES = st.builds(
    Scheme,
    codes=st.sampled_from(sorted(CODES)),
    people=st.integers(2, 12),
    given=st.sampled_from(GIVEN),
    subject_in_folder=st.booleans(),
    expression_in_folder=st.booleans(),
    subject_first=st.booleans(),
    subject_again=st.booleans(),
    tokens=st.sampled_from([0, 1, 1, 2, 2, 3]).flatmap(
        lambda count: st.tuples(*[TOKEN] * count)  # lists would mostly be empty
    ),
    separators=st.sampled_from(["_", "-", " ", "_-", "-_", "__", " - "]),
    case=st.sampled_from(["as written", "as written", "lower", "upper"]),
    words=st.integers(0, 4),
    expressions=st.permutations(sorted(EXPRESSIONS)).flatmap(
        lambda all_: st.integers(1, 4).map(lambda count: tuple(all_[:count]))
    ),
    per_site=st.booleans(),
).filter(_is_decidable)
