"""Detection quality: emo compared with a search of every whole frame at scale 1.1.

    python benchmarks/quality.py [--quick]

Measures which faces of the full search (frontalface_alt2, 5 neighbours) emo loses, how well the boxes agree,
and how many false faces are found: on the virtual cohort, on recordings before a busy background and, if
../shared/data exists, on real subjects. The true position of a face is that with the highest score of an
exhaustive search; in the virtual recordings, whose camera does not move, it is the usual position where that
search errs. Other methods, other light, second persons: cascades.py.
"""

from collections.abc import Callable
from dataclasses import astuple, replace

import cascades
import cv2
import numpy as np
from _corpus import recordings
from _results import Row, bounded, parser, record
from cascades import DATA, Clip, Score, iou, located

from pipeline.faces.detector import Box

SUBJECTS, QUICK_SUBJECTS = 20, 4


def placed(clip: Clip) -> Clip:
    """Set the truth to the participant's face in a clip of one person who hardly moves."""
    boxes = located(clip).truth or []
    usual = Box(*np.median([astuple(box) for box in boxes if box], axis=0))
    return replace(clip, truth=[box if box and iou(box, usual) > 0.3 else usual for box in boxes])


def before_clutter(fps: float, subjects: int = SUBJECTS) -> list[Clip]:
    """Return one recording before a busy background of each of the first subjects."""
    videos = recordings(7 * subjects)
    chosen = [videos[7 * n + n % 7] for n in range(subjects)]
    return [placed(cascades.read(video, fps, video.parent.name)) for video in chosen]


VIRTUAL: dict[str, Callable[[float], list[Clip]]] = {
    "virtual cohort": lambda fps: [placed(clip) for clip in cascades.demo(fps)],
    "virtual, busy background": before_clutter,
}
REAL: dict[str, Callable[[float], list[Clip]]] = {
    "London": cascades.SETS["london"],
    "London, busy background": cascades.busy,
    "subjects entering and leaving": cascades.edge,
}


def scores(clips: list[Clip]) -> tuple[Score, Score]:
    """Return the scores of the full search, which is the reference, and of emo on some clips."""
    full, ours = Score(), Score()
    for clip in clips:
        reference = cascades.full(clip)
        full.add(clip, reference, reference)
        ours.add(clip, cascades.ours(clip), reference)
    return full, ours


def rows_of(name: str, full: Score, ours: Score) -> list[Row]:
    """Return the rows of one set of clips."""
    lost = [value for values in ours.lost.values() for value in values]
    worst = max(float(np.mean(values)) for values in ours.lost.values())
    low, middle = np.percentile(ours.ious, [1, 50])
    against = f"full search, scale 1.1 ({len(lost)} faces)"
    found, reference = (
        100 * float(np.mean([hit for hits in score.subjects.values() for hit in hits]))
        for score in (ours, full)
    )
    return [
        Row(f"{name}: faces found", against, found, reference, "%", found, "emo", reference, at_most=False),
        bounded(f"{name}: faces lost", against, 100 * float(np.mean(lost)), "%", 0.5),
        bounded(f"{name}: faces lost of the worst subject", against, 100 * worst, "%", 2),
        _at_least(f"{name}: overlap (IoU), median", against, float(middle), 0.85),
        _at_least(f"{name}: overlap (IoU), 1st percentile", against, float(low), 0.6),
        _false(name, against, ours.false, full.false),
    ]


def _at_least(claim: str, against: str, figure: float, target: float) -> Row:
    return Row(claim, against, figure, None, "", figure, "emo", target, at_most=False)


def _false(name: str, against: str, ours: int, full: int) -> Row:
    return Row(f"{name}: false faces", against, ours, full, "faces", ours, "emo", full / 2, at_most=True)


def main() -> None:
    """Measure and record."""
    options = parser(__doc__).parse_args()
    cv2.setNumThreads(1)
    if options.quick:
        rows = rows_of("virtual, busy background", *scores(before_clutter(1.0, QUICK_SUBJECTS)))
    else:
        sets = VIRTUAL | (REAL if DATA.is_dir() else {})
        rows = [row for name, make in sets.items() for row in rows_of(name, *scores(make(5.0)))]
    record(__file__, rows, whole=DATA.is_dir() and not options.quick)


if __name__ == "__main__":
    main()
