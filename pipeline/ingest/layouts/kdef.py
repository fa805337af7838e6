"""KDEF: Lundqvist, Flykt & Ohman (1998), Karolinska Institutet; 70 subjects, 4,900 images.

    XSNN/XSNNEEA.JPG     AF01/AF01ANS.JPG

X session (A, B), S sex (F, M), NN number, EE expression (AF afraid AN DI HA NE SA SU), A angle: S straight,
HL HR half, FL FR full profile.

The subject is `SNN`, the clip has the name of its file. The two sessions are two performances. Haar cascades
detect frontal faces, so only straight images are enrolled; the others are counted as skipped.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Media, ParsedName, SkippedFile, corpus

WORDS = {
    "AF": "afraid", "AN": "angry", "DI": "disgusted", "HA": "happy",
    "NE": "neutral", "SA": "sad", "SU": "surprised",
}  # fmt: skip

_NAME = re.compile(r"[AB]([FM]\d\d)(AF|AN|DI|HA|NE|SA|SU)(S|HL|HR|FL|FR)", re.IGNORECASE)


def parse(path: PurePosixPath) -> ParsedName | SkippedFile | None:
    """Read one path; return None if it does not match this corpus."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    subject, code, angle = (part.upper() for part in match.groups())
    if angle != "S":
        return SkippedFile(f"not a frontal view (KDEF angle {angle})")
    return ParsedName(subject, WORDS[code], clip=path.stem.upper(), sex=subject[0])


LAYOUT = corpus("kdef", "AF01ANS.JPG", parse, Media.IMAGES)
