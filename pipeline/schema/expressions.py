"""The seven expressions, the words that corpora and labs use for them, and labels beyond the seven."""

import difflib
import re
from collections.abc import Iterable

from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed

EXPRESSIONS = ("angry", "disgusted", "happy", "neutral", "sad", "scared", "surprised")
"""The seven expressions, in alphabetical order, as ImageFolder sorts them."""

SYNONYMS = {
    "angry": ("anger", "ang", "rage", "furious"),
    "disgusted": ("disgust", "dis", "disgusting"),
    "happy": ("happiness", "happ", "hap", "joy", "joyful", "smile", "smiling"),
    "neutral": ("neu", "rest", "no expression"),
    "sad": ("sadness", "unhappy"),
    "scared": ("scare", "fear", "fearful", "afraid", "fea", "frightened", "fright"),
    "surprised": ("surprise", "sur", "surp", "astonished"),
}

LABEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""Pattern of a label; a study may declare labels beyond the seven in params.yaml, `dataset: expressions`."""

NO_LABELS = ("", "-", "n/a", "na", "nan", "none", "null", "?")
"""Cells that state no label, as PsychoPy, pandas and spreadsheets write them; without regard to case."""

_LIKENESS = 0.82
"""Ratio of difflib from which a word counts as a misspelling: suprized (0.82) but not disgruntled (0.80)."""

_SHORTEST = 4
"""Letters of the shortest synonym that a word can misspell; `sur` or `fea` resemble too many words."""

_CANONICAL = {name: name for name in EXPRESSIONS} | {
    word: name for name, words in SYNONYMS.items() for word in words
}


def canonical(word: str, declared: Iterable[str] = ()) -> str | None:
    """Return the expression that `word` names (any case, `_` and `-` as spaces), or None.

    `declared` are the labels that the study uses beyond the seven.
    """
    folded = _folded(word)
    own = {_folded(name): name for name in declared}
    return own.get(folded) or _CANONICAL.get(folded)


def is_no_label(word: str) -> bool:
    """Return whether a cell states no label: empty, `-`, `n/a`, `nan`, `None`."""
    return word.strip().lower() in NO_LABELS


def misspelt(word: str, declared: Iterable[str] = ()) -> str | None:
    """Return the expression or declared label that `word` or one of its synonyms misspells, or None.

    `suprised` misspells surprised; `calm` is another word; a word with digits misspells none.
    """
    words = [word for word in _CANONICAL if word in EXPRESSIONS or len(word) >= _SHORTEST]
    close = near_miss(word, (*words, *declared))
    return canonical(close, declared) if close else None


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """Return the one of the `known` words that `word` misspells, or None; a known word is no misspelling."""
    folded, words = _folded(word), sorted(known)
    if not folded.isalpha() or folded in words:
        return None
    close = difflib.get_close_matches(folded, words, n=1, cutoff=_LIKENESS)
    return close[0] if close else None


def check_label(name: str, value: str) -> None:
    """Raise ValueError unless `value` can be the label of a clip."""
    if is_no_label(value):
        raise ValueError(f"{name}: {value!r} is no label")
    if not LABEL.fullmatch(value):
        raise ValueError(f"{name}: {value!r} is not a label: 1 to 32 of a-z, 0-9, _ and -, first a letter")


def _folded(word: str) -> str:
    return " ".join(word.replace("_", " ").replace("-", " ").lower().split())


def expression(word: str, where: str, declared: Iterable[str] = ()) -> str:
    """Return the label that `word` names, or raise EmoError that starts with `where`."""
    name = canonical(word, declared)
    if name is None:
        raise EmoError(
            f"{where}: unknown expression {word!r}; use one of {listed(all_labels(declared), 20)}, or "
            "declare it in params.yaml: dataset: expressions"
        )
    return name


def all_labels(declared: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the seven expressions and the labels declared beyond them, in alphabetical order."""
    return tuple(sorted({*EXPRESSIONS, *declared}))
