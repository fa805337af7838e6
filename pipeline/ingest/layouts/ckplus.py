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
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Layout, Media, Named, Reading, Readings, Skip, Unread

WORDS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""By the number in the text files."""

ENDING = "_emotion.txt"

_NAME = re.compile(r"(S\d{3}_\d{3})_(\d{8})", re.IGNORECASE)

_UNREAD = Unread("not named as ckplus names its files (S005/001/S005_001_00000011.png)")
_UNLABELLED = Unread(
    f"no label ({ENDING}) in what is given; give the folder that holds the corpus's pictures and its Emotion"
)


def read(paths: Sequence[PurePosixPath], labels: Mapping[PurePosixPath, str] | None = None) -> Readings:
    """Read the names of the pictures; `labels` are the contents of the text files."""
    readings: dict[PurePosixPath, Reading] = dict.fromkeys(paths, _UNREAD)
    if not labels:
        return dict.fromkeys(paths, _UNLABELLED)
    texts = {path.name.removesuffix(ENDING).upper(): text for path, text in labels.items()}
    sequences: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path in sorted(paths, key=lambda path: path.stem.upper()):
        if match := _NAME.fullmatch(path.stem):
            sequences[match[1].upper()].append(path)
    for name, frames in sequences.items():
        said = {stem: text for stem, text in texts.items() if stem.startswith(f"{name}_")}
        readings |= _sequence(frames, said)
    return readings


def _sequence(frames: Sequence[PurePosixPath], said: Mapping[str, str]) -> Readings:
    """Return the readings of one sequence; `said` are the texts about it, by the names of their frames."""
    if not said:
        return dict.fromkeys(frames, Skip("of a sequence without a label (CK+)"))
    (stem, text), *_ = said.items()
    last = frames[-1]
    if stem != last.stem.upper():
        reason = f"by its label's file the sequence ends with {stem}, not with this; copy it completely"
        return dict.fromkeys(frames, Skip("of a sequence at fault")) | {last: Unread(reason)}
    between = dict.fromkeys(frames, Skip("between neutral and the peak (CK+)"))
    return between | {frames[0]: _named(frames[0], "neutral"), last: _labelled(last, text)}


def _labelled(path: PurePosixPath, text: str) -> Reading:
    try:
        return _named(path, WORDS[_whole(text)])
    except (ValueError, IndexError):
        return Unread(f"its label {text.strip()[:20]!r} ({ENDING}) is not a number of 0..{len(WORDS) - 1}")


def _whole(text: str) -> int:
    """Return the number of a label, which is written as `   3.0000000e+00`."""
    number = float(text)
    if not number.is_integer() or number < 0:
        raise ValueError(text)
    return int(number)


def _named(path: PurePosixPath, word: str) -> Named:
    stem = path.stem.upper()
    return Named(stem[:4], word, clip=stem)


LAYOUT = Layout("ckplus", "S005/001/S005_001_00000011.png and its label", read, Media.PICTURES, ENDING)
