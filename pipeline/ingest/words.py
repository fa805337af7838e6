"""The words of participants tables: how labs write sex, age and consent, in several languages.

Words are compared without case, accents and signs. Only words with one meaning are read; codes such as 1 and
2 are not, because every lab numbers them its own way.
"""

import re
import unicodedata
from collections.abc import Iterable

from pipeline.schema.participants import GIVEN, UNKNOWN

_SEXES = {
    "F": "f, female, w, woman, weiblich, frau, femme, feminin, femenino, mujer, donna, femmina, mulher, "
    "vrouw, kadin, kvinna, kvinne, kvinde",
    "M": "m, male, man, mannlich, mann, homme, masculin, masculino, hombre, uomo, homem, erkek, mand",
    "X": "x, o, other, d, diverse, divers, nonbinary, non binary, intersex",
}

_GIVEN = "given, yes, y, true, consented, ja, j, oui, si, sim, evet, tak"
_REFUSED = "no, n, false, refused, declined, not given, withdrawn, nein, non, nao, hayir, nee, nej, nei, nie"

REFUSED = "refused"
"""Consent as a table states it, besides given and unknown: the subject must not be enrolled."""

_EMPTY = ("", "n a", "na", "nan", "none", "null")
"""Cells without a value, as folded words: `n/a` of BIDS, `-`, `?` and what statistics programs write."""

_AGE = re.compile(
    r"(?P<years>\d+(?:[.,]\d+)?)\s*\+?\s*"
    r"(?:y|yr|yrs|yo|y\.o\.|year|years|years old|j|jahr|jahre|an|ans|anos|años|anni|jaar|yas|yaş)?\.?",
    re.IGNORECASE,
)
"""An age in years, also with its unit; BIDS caps high ages as `89+`."""

_AGE_RANGE = re.compile(
    r"\D*\d+\s*(?:[-\u2013\u2014]|to|bis|a|à)\s*\d+\D*|[<>≤≥]\s*=?\s*\d+.*", re.IGNORECASE
)

_CONSENT_STEMS = (
    *("consent", "consenso", "einwillig", "einverstand", "zustimm", "toestemming", "samtyk", "samtyck"),
    *("permission", "authoris", "authoriz", "autoriza"),
)
_CONSENT_WORDS = ("zgoda", "onam", "riza", "souhlas", "suostumus", "withdrawn", "withdrew", "optout")
"""Parts of the names of columns that state consent or its withdrawal, and whole names."""

_OPPOSITES = (
    "withdr",
    "revok",
    "widerruf",
    "widerspruch",
    "refus",
    "declin",
    "optout",
    "noconsent",
    "without",
)
"""Parts of the names of columns whose `yes` means that consent is not given."""


def folded(text: str) -> str:
    """Return a text without case, accents and signs, its words separated by single spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("\u0131", "i"))  # Turkish i without its dot
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(re.findall(r"[^\W_]+", letters))


def column_name(text: str) -> str:
    """Return the name of a column as it is compared: `Participant ID` is participantid."""
    return folded(text).replace(" ", "")


def read_sex(text: str) -> str:
    """Return F, M, X or empty for the various spellings of sex and gender; raise ValueError for others."""
    word = folded(text)
    if word in _EMPTY or word == UNKNOWN:
        return ""
    for sex, spellings in _SEXES.items():
        if word in spellings.split(", "):
            return sex
    if word.isdigit():
        raise ValueError(f"sex: which is {text!r}? write F or M (X for other, n/a if it is not known)")
    raise ValueError(f"sex: {text!r} is not one of F, M, X (female, male, other), empty or n/a")


def read_age(text: str) -> float | None:
    """Return years, or None for an empty cell; raise ValueError for a range and for what is no age."""
    if folded(text) in (*_EMPTY, UNKNOWN):
        return None
    found = _AGE.fullmatch(text.strip())
    if found is None and _AGE_RANGE.fullmatch(text.strip()):
        raise ValueError(f"age: {text!r} is a range, which has no single value; write the age, or n/a")
    if found is None:
        raise ValueError(f"age: {text!r} is not a number of years or n/a")
    age = float(found["years"].replace(",", "."))
    if not 0 <= age <= 130:
        raise ValueError(f"age: {text} is not within 0..130 years")
    return age


def read_consent(text: str) -> str:
    """Return given, unknown, refused or, for an empty cell, empty; raise ValueError for other words."""
    word = folded(text)
    if word not in _EMPTY and re.search(r"[^\w\s-]", text):  # `yes?` and `(yes)` are not yes
        word = text
    if word in _EMPTY and word != "none" and text != "?":  # `none` may mean no consent
        return ""
    for consent, words in ((GIVEN, _GIVEN), (UNKNOWN, UNKNOWN), (REFUSED, _REFUSED)):
        if word in words.split(", "):
            return consent
    raise ValueError(f"consent: {text!r} is not one of given (yes), unknown, withdrawn (no), empty or n/a")


def consent_like(columns: Iterable[str]) -> list[str]:
    """Return the columns that appear to hold consent, such as `consent_given` or `Einwilligung`."""
    return [column for column in columns if _is_about_consent(column_name(column))]


def is_opposite(column: str) -> bool:
    """Return whether `yes` in a column about consent means that there is none: `consent_withdrawn`."""
    return any(part in column_name(column) for part in _OPPOSITES)


def _is_about_consent(name: str) -> bool:
    return name in _CONSENT_WORDS or any(stem in name for stem in _CONSENT_STEMS)
