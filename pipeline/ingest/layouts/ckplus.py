"""CK+: Lucey et al. (2010), doi 10.1109/CVPRW.2010.5543262; 123 people, 593 sequences, 327 with a label.

    SNNN/QQQ/SNNN_QQQ_FFFFFFFF.png              S005/001/S005_001_00000011.png
    SNNN/QQQ/SNNN_QQQ_FFFFFFFF_emotion.txt      its label; in a folder of its own, Emotion

SNNN subject, QQQ sequence, F frame. A sequence goes from neutral to the peak. The text file bears the name
of the peak, its last frame, and holds a number, see below. Names of folders are not believed: copies of the
corpus number the labels anew.

Of a sequence with a label the peak is taken, and the first frame as neutral; those in between, and sequences
without a label, are counted. The subject is `SNNN`, the clip has the name of its file. `contempt` is an
eighth class.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import MOVE, Layout, Media, Named, Reading, Readings, Skip, Unread

WORDS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""By the number in the text files."""

ENDING = "_emotion.txt"

_NAME = re.compile(r"(S\d{3}_\d{3})_(\d{8})", re.IGNORECASE)

_UNREAD = Unread("not named as ckplus names its files (S005/001/S005_001_00000011.png)", MOVE)
_UNLABELLED = Unread(
    f"no label ({ENDING}) in what is given; give the folder that holds the corpus's pictures and its Emotion"
)


def read(paths: Sequence[PurePosixPath], labels: Mapping[PurePosixPath, str] | None = None) -> Readings:
    """Read the names of the pictures; `labels` are the contents of the text files.

    Text files are in what is returned only where they are at fault, or have no pictures.
    """
    if not labels:
        return dict.fromkeys(paths, _UNLABELLED)
    readings: dict[PurePosixPath, Reading] = dict.fromkeys(paths, _UNREAD)
    sequences, told = _by_sequence(paths), _by_sequence(labels)
    for path in labels:
        match = _NAME.fullmatch(_frame(path))
        if not match or match[1].upper() not in sequences:
            readings[path] = Skip("a label without pictures (CK+)")
    for name, frames in sequences.items():
        readings |= _sequence(frames, {path: labels[path] for path in told.get(name, [])})
    return readings


def _frame(path: PurePosixPath) -> str:
    """Return the name of the frame that a picture is, or a text file is about."""
    return path.name.removesuffix(ENDING).removesuffix(path.suffix).upper()


def _by_sequence(paths: Iterable[PurePosixPath]) -> dict[str, list[PurePosixPath]]:
    """Return the files of each sequence, in the order of the frames."""
    found: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path in sorted(paths, key=_frame):
        if match := _NAME.fullmatch(_frame(path)):
            found[match[1].upper()].append(path)
    return found


def _sequence(files: Sequence[PurePosixPath], said: Mapping[PurePosixPath, str]) -> Readings:
    """Return the readings of one sequence; `said` are the texts about it."""
    if not said:
        return dict.fromkeys(files, Skip("of a sequence without a label (CK+)"))
    frames: dict[str, PurePosixPath] = {}
    for path in files:
        frames.setdefault(_frame(path), path)
    first, *_, last = list(frames.values()) * 2
    if faults := _faults(said, last):
        return {**dict.fromkeys(files, Skip("of a sequence at fault")), **faults}
    again = dict.fromkeys(files, Skip("a second file of the same frame (CK+)"))
    between = dict.fromkeys(frames.values(), Skip("between neutral and the peak (CK+)"))
    word = WORDS[_whole(next(iter(said.values())))]
    return {**again, **between, first: _named(first, "neutral"), last: _named(last, word)}


def _faults(said: Mapping[PurePosixPath, str], last: PurePosixPath) -> dict[PurePosixPath, Reading]:
    """Return what is wrong with the texts about a sequence that ends with the picture `last`."""
    faults: dict[PurePosixPath, Reading] = {}
    numbers: dict[int, PurePosixPath] = {}
    for path, text in said.items():
        if _frame(path) != _frame(last):
            faults[path] = Unread(
                f"the sequence ends with {last.name}, not with the picture of this label; copy the pictures "
                "completely, or remove the label"
            )
            continue
        try:
            number = _whole(text)
        except ValueError:
            shown = text.strip()[:20]
            faults[path] = Unread(f"{shown!r} is not a number of 0..{len(WORDS) - 1}; copy the file again")
            continue
        other = next(iter(numbers), number)
        if number != other:
            faults[path] = Unread(f"says {number}, but {numbers[other]} says {other}; remove the wrong one")
        numbers.setdefault(number, path)
    return faults


def _whole(text: str) -> int:
    """Return the number of a label, which is written as `   3.0000000e+00`; ValueError for any other text."""
    number = float(text)
    if number not in range(len(WORDS)):
        raise ValueError(text)
    return int(number)


def _named(path: PurePosixPath, word: str) -> Named:
    stem = path.stem.upper()
    return Named(stem[:4], word, clip=stem)


LAYOUT = Layout("ckplus", "S005/001/S005_001_00000011.png and its label", read, Media.PICTURES, ENDING)
