"""KDEF: Lundqvist, Flykt & Ohman (1998), Karolinska Institutet; 70 people, 4,900 pictures.

    XSNN/XSNNEEA.JPG     AF01/AF01ANS.JPG

X session (A, B), S sex (F, M), NN number, EE expression (AF afraid AN DI HA NE SA SU), A angle: S straight,
HL HR half, FL FR full profile.

The subject is `SNN`, the clip has the name of its file. The two sessions are two performances. Cascades find
frontal faces, so that only the straight pictures are taken; the others are counted.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Media, Named, Skip, corpus

WORDS = {
    "AF": "afraid", "AN": "angry", "DI": "disgusted", "HA": "happy",
    "NE": "neutral", "SA": "sad", "SU": "surprised",
}  # fmt: skip

_NAME = re.compile(r"[AB]([FM]\d\d)(AF|AN|DI|HA|NE|SA|SU)(S|HL|HR|FL|FR)", re.IGNORECASE)


def parse(path: PurePosixPath) -> Named | Skip | None:
    """Read one path; None where it is not of this corpus."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    subject, code, angle = (part.upper() for part in match.groups())
    if angle != "S":
        return Skip(f"not taken straight (KDEF angle {angle})")
    return Named(subject, WORDS[code], clip=path.stem.upper(), sex=subject[0])


LAYOUT = corpus("kdef", "AF01ANS.JPG", parse, Media.PICTURES)
