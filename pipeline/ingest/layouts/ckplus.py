"""CK+: Lucey et al. (2010), doi 10.1109/CVPRW.2010.5543262; 123 subjects, 593 sequences (327 labelled).

    SNNN/QQQ/SNNN_QQQ_FFFFFFFF.png              S005/001/S005_001_00000011.png
    SNNN/QQQ/SNNN_QQQ_FFFFFFFF_emotion.txt      its label; in the separate folder Emotion

SNNN subject, QQQ sequence, F frame. A sequence runs from neutral to the peak, which is its last frame. The
label file has the name of the peak frame and contains a number (see WORDS). Folder names are ignored: some
copies of the corpus number the labels differently.

Of a labelled sequence, the peak is enrolled with its label and the first frame as neutral. Frames between
them and unlabelled sequences are counted as skipped. The subject is `SNNN`, the clip has the name of its
file. `contempt` is an eighth class.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import (
    RENAME,
    Layout,
    Media,
    NameReading,
    NameReadings,
    ParsedName,
    SkippedFile,
    UnreadName,
)

WORDS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""Expressions by the number in the label files."""

ENDING = "_emotion.txt"

_NAME = re.compile(r"(S\d{3}_\d{3})_(\d{8})", re.IGNORECASE)

_UNREAD = UnreadName("name does not match layout ckplus (S005/001/S005_001_00000011.png)", RENAME)
_NO_LABELS = UnreadName(
    f"no label files ({ENDING}) found; give the folder that contains both the images and Emotion"
)


def read(paths: Sequence[PurePosixPath], labels: Mapping[PurePosixPath, str] | None = None) -> NameReadings:
    """Read the names of the images.

    Args:
        paths: The images.
        labels: Contents of the label files, by path.

    Returns:
        A reading for each image, and for each label file that has an error or no images.
    """
    if not labels:
        return dict.fromkeys(paths, _NO_LABELS)
    readings: dict[PurePosixPath, NameReading] = dict.fromkeys(paths, _UNREAD)
    sequences, labels_of = _by_sequence(paths), _by_sequence(labels)
    for path in labels:
        match = _NAME.fullmatch(_frame(path))
        if not match or match[1].upper() not in sequences:
            readings[path] = SkippedFile("label without images (CK+)")
    for name, images in sequences.items():
        readings |= _read_sequence(images, {path: labels[path] for path in labels_of.get(name, [])})
    return readings


def _frame(path: PurePosixPath) -> str:
    """Return the name of the frame that an image contains or a label file labels."""
    return path.name.removesuffix(ENDING).removesuffix(path.suffix).upper()


def _by_sequence(paths: Iterable[PurePosixPath]) -> dict[str, list[PurePosixPath]]:
    """Return the files of each sequence, in the order of the frames."""
    sequences: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path in sorted(paths, key=_frame):
        if match := _NAME.fullmatch(_frame(path)):
            sequences[match[1].upper()].append(path)
    return sequences


def _read_sequence(images: Sequence[PurePosixPath], labels: Mapping[PurePosixPath, str]) -> NameReadings:
    if not labels:
        return dict.fromkeys(images, SkippedFile("in a sequence without a label (CK+)"))
    frames: dict[str, PurePosixPath] = {}
    for path in images:
        frames.setdefault(_frame(path), path)
    paths = list(frames.values())
    first, last = paths[0], paths[-1]
    if errors := _label_errors(labels, last):
        return {**dict.fromkeys(images, SkippedFile("in a sequence with an error")), **errors}
    word = WORDS[_label_number(next(iter(labels.values())))]
    return {
        **dict.fromkeys(images, SkippedFile("second file of the same frame (CK+)")),
        **dict.fromkeys(paths, SkippedFile("between neutral and the peak (CK+)")),
        first: _parsed(first, "neutral"),
        last: _parsed(last, word),
    }


def _label_errors(
    labels: Mapping[PurePosixPath, str], last: PurePosixPath
) -> dict[PurePosixPath, NameReading]:
    """Return the errors in the label files of a sequence whose last image is `last`."""
    errors: dict[PurePosixPath, NameReading] = {}
    numbers: dict[int, PurePosixPath] = {}
    for path, text in labels.items():
        if _frame(path) != _frame(last):
            errors[path] = UnreadName(
                f"the sequence ends with {last.name}, not with the image of this label; copy all images, or "
                "remove the label"
            )
            continue
        try:
            number = _label_number(text)
        except ValueError:
            shown = text.strip()[:20]
            errors[path] = UnreadName(
                f"{shown!r} is not a number in 0..{len(WORDS) - 1}; copy the file again"
            )
            continue
        other = next(iter(numbers), number)
        if number != other:
            errors[path] = UnreadName(
                f"the label is {number}, but {other} in {numbers[other]}; remove the wrong file"
            )
        numbers.setdefault(number, path)
    return errors


def _label_number(text: str) -> int:
    """Parse a label, written as `   3.0000000e+00`; raise ValueError for any other text."""
    number = float(text)
    if number not in range(len(WORDS)):
        raise ValueError(text)
    return int(number)


def _parsed(path: PurePosixPath, word: str) -> ParsedName:
    stem = path.stem.upper()
    return ParsedName(stem[:4], word, clip=stem)


LAYOUT = Layout("ckplus", "S005/001/S005_001_00000011.png and its label", read, Media.IMAGES, ENDING)
