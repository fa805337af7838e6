"""The seven expressions, the words that corpora and labs use for them, and labels beyond the seven."""

import re
from collections.abc import Iterable

from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed

EXPRESSIONS = ("angry", "disgusted", "happy", "neutral", "sad", "scared", "surprised")
"""All classes, in alphabetical order, as ImageFolder sorts them."""

SYNONYMS = {
    "angry": ("anger", "ang", "rage", "furious"),
    "disgusted": ("disgust", "dis", "disgusting"),
    "happy": ("happiness", "happ", "hap", "joy", "joyful", "smile", "smiling"),
    "neutral": ("neu", "rest", "none", "no expression"),
    "sad": ("sadness", "unhappy"),
    "scared": ("scare", "fear", "fearful", "afraid", "fea", "frightened", "fright"),
    "surprised": ("surprise", "sur", "surp", "astonished"),
}

LABEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""Pattern of a label; a study may declare labels beyond the seven in params.yaml, `dataset: expressions`."""

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


def check_label(name: str, value: str) -> None:
    """Raise ValueError unless `value` can be the label of a clip."""
    if not LABEL.fullmatch(value):
        raise ValueError(f"{name}: {value!r} is not a label: 1 to 32 of a-z, 0-9, _ and -, first a letter")


def _folded(word: str) -> str:
    return " ".join(word.replace("_", " ").replace("-", " ").lower().split())


def expression(word: str, where: str) -> str:
    """Return the expression that `word` names, or raise EmoError that starts with `where`."""
    name = canonical(word)
    if name is None:
        raise EmoError(f"{where}: unknown expression {word!r}; use one of {listed(EXPRESSIONS)}")
    return name
