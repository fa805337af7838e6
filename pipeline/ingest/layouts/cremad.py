"""CREMA-D: Cao et al. (2014), doi 10.1109/TAFFC.2014.2336244; 91 actors, six expressions.

    VideoFlash/AAAA_SSS_EEE_LL.flv     VideoFlash/1001_DFA_ANG_XX.flv

AAAA actor (1001 to 1091), SSS sentence, EEE expression (ANG DIS FEA HAP NEU SAD; no surprise), LL level
(LO MD HI, XX unspecified; one file of the corpus, 1040_ITH_SAD_X, has a single X).

The subject is the actor's number, the clip has the name of its file. Sex is in VideoDemographics.csv of the
corpus, not in the names: supply it with --participants.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import ParsedName, corpus

_NAME = re.compile(r"(1\d{3})_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")


def parse(path: PurePosixPath) -> ParsedName | None:
    """Read one path; return None if it does not match this corpus."""
    match = _NAME.fullmatch(path.stem)
    return ParsedName(subject=match[1], word=match[2], clip=path.stem) if match else None


LAYOUT = corpus("cremad", "1001_DFA_ANG_XX.flv", parse)
