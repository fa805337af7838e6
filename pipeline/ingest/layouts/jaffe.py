"""JAFFE: Lyons et al. (1998), doi 10.1109/AFGR.1998.670949; ten female subjects, 213 images.

    SS.EEN.NNN.tiff     KA.AN1.39.tiff

SS subject (KA KL KM KR MK NA NM TM UY YM), EE expression (AN DI FE HA NE SA SU), N repetition, NNN image
number.

The subject is SS, the clip `SS_EEN_NNN`.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Media, ParsedName, corpus

WORDS = {
    "AN": "anger", "DI": "disgust", "FE": "fear", "HA": "happiness",
    "NE": "neutral", "SA": "sadness", "SU": "surprise",
}  # fmt: skip

_NAME = re.compile(r"(KA|KL|KM|KR|MK|NA|NM|TM|UY|YM)\.(AN|DI|FE|HA|NE|SA|SU)(\d)\.(\d{1,3})", re.IGNORECASE)


def parse(path: PurePosixPath) -> ParsedName | None:
    """Read one path; return None if it does not match this corpus."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    subject, code, repetition, number = (part.upper() for part in match.groups())
    return ParsedName(subject, WORDS[code], clip=f"{subject}_{code}{repetition}_{number}", sex="F")


LAYOUT = corpus("jaffe", "KA.AN1.39.tiff", parse, Media.IMAGES)
