"""The classes of the dataset: the declared labels that the clips have."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARAMS
from pipeline.runtime.text import counted, listed
from pipeline.schema.clips import Clip
from pipeline.schema.expressions import EXPRESSIONS, near_miss

_FEWEST = 2
"""A model distinguishes at least two classes."""


def classes_of(clips: Iterable[Clip], declared: Sequence[str]) -> tuple[str, ...]:
    """Return the declared labels that a clip has, in alphabetical order: the order of the dataset's labels.

    Raises EmoError if there are fewer than two.
    """
    labels = {clip.expression for clip in clips}
    classes = tuple(sorted(labels & set(declared)))
    if len(classes) < _FEWEST:
        raise EmoError(
            f"{PARAMS}: dataset: expressions: {listed(sorted(declared), 20)}: the clips have "
            f"{listed(classes) or 'none'} of them, and a dataset needs two; {CLIPS} has "
            f"{listed(sorted(labels), 20) or 'no clip'}: list these labels, or record more"
        )
    return classes


def without_clips(declared: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return the declared labels that are no classes, because no clip has them."""
    return sorted(set(declared) - set(classes))


def undeclared(clips: Iterable[Clip], declared: Sequence[str]) -> Counter[str]:
    """Return the number of clips by label, of the labels that are neither one of the seven nor `declared`.

    Raises EmoError if one of them is a misspelling of a declared label or of one of the seven.
    """
    known = {*EXPRESSIONS, *declared}
    labels = Counter(clip.expression for clip in clips if clip.expression not in known)
    for label, number in sorted(labels.items()):
        if meant := near_miss(label, known):
            raise EmoError(
                f"{CLIPS}: {counted(number, 'clip')} labelled {label!r}: did you mean {meant}? correct them"
            )
    return labels
