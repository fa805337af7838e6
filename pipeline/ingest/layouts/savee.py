"""SAVEE: Haq & Jackson (2009), Surrey Audio-Visual Expressed Emotion; four male subjects, 480 clips.

    SS/CNN.avi or SS_CNN.avi     DC/a01.avi, DC_a01.avi

SS speaker (DC JE JK KL), C expression (a d f h n sa su), NN number.

The subject is the speaker, the clip `SS_CNN`.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import ParsedName, corpus

WORDS = {
    "a": "anger", "d": "disgust", "f": "fear", "h": "happiness",
    "n": "neutral", "sa": "sadness", "su": "surprise",
}  # fmt: skip

_PATH = re.compile(r"(?:.*/)?(?P<speaker>DC|JE|JK|KL)[/_](?P<code>sa|su|[adfhn])(?P<number>\d\d)")


def parse(path: PurePosixPath) -> ParsedName | None:
    """Read one path; return None if it does not match this corpus."""
    match = _PATH.fullmatch(path.with_suffix("").as_posix())
    if not match:
        return None
    speaker, code, number = match.groups()
    return ParsedName(speaker, WORDS[code], clip=f"{speaker}_{code}{number}", sex="M")


LAYOUT = corpus("savee", "DC/a01.avi or DC_a01.avi", parse)
