"""MEAD: Wang et al. (2020), "MEAD: A Large-scale Audio-visual Dataset"; 60 actors, seven views.

    SNNN/[video/]VIEW/EXPRESSION/level_L/NNN.mp4     M003/video/front/angry/level_1/001.mp4

S sex (M male, W female), VIEW front, left_30, left_60, right_30, right_60, top, down; EXPRESSION angry
contempt disgusted fear happy neutral sad surprised; L intensity 1 to 3.

The subject is `SNNN`; the clip is the whole path, joined by `_`. The views show the same performance: they
share a take. `contempt` is an eighth class.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import ParsedName, corpus

_PATH = re.compile(
    r"(?:.*/)?(?P<actor>[MW]\d{3})/(?:video/)?"
    r"(?P<view>front|down|top|(?:left|right)_\d\d)/"
    r"(?P<word>[a-z]+)/(?P<level>level_[1-3])/(?P<number>\d{3})"
)


def parse(path: PurePosixPath) -> ParsedName | None:
    """Read one path; return None if it does not match this corpus."""
    match = _PATH.fullmatch(path.with_suffix("").as_posix())
    if not match:
        return None
    actor, view, word, level, number = match.groups()
    return ParsedName(
        subject=actor,
        word=word,
        clip=f"{actor}_{view}_{word}_{level}_{number}",
        take=f"{actor}_{word}_{level}_{number}",
        sex="M" if actor.startswith("M") else "F",
    )


LAYOUT = corpus("mead", "M003/video/front/angry/level_1/001.mp4", parse)
