"""The seven expressions, and the words that corpora and labs use for them."""

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

_CANONICAL = {name: name for name in EXPRESSIONS} | {
    word: name for name, words in SYNONYMS.items() for word in words
}


def canonical(word: str) -> str | None:
    """Return the expression that `word` names (any case, `_` and `-` as spaces), or None."""
    return _CANONICAL.get(" ".join(word.replace("_", " ").replace("-", " ").lower().split()))


def expression(word: str, where: str) -> str:
    """Return the expression that `word` names, or raise EmoError that starts with `where`."""
    name = canonical(word)
    if name is None:
        raise EmoError(f"{where}: unknown expression {word!r}; use one of {listed(EXPRESSIONS)}")
    return name
