"""CREMA-D: Cao et al. (2014), doi 10.1109/TAFFC.2014.2336244; 91 actors, six expressions.

    VideoFlash/AAAA_SSS_EEE_LL.flv     VideoFlash/1001_DFA_ANG_XX.flv

AAAA actor (1001 to 1091), SSS sentence, EEE expression (ANG DIS FEA HAP NEU SAD; no surprise), LL level
(LO MD HI, XX not said; one file of the corpus, 1040_ITH_SAD_X, has a single X).

The subject is the actor's number, the clip has the name of its file. Sex is in the corpus's
VideoDemographics.csv, not in names: give it with --participants.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Named, corpus

_NAME = re.compile(r"(1\d{3})_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")


def parse(path: PurePosixPath) -> Named | None:
    """Read one path; None where it is not of this corpus."""
    match = _NAME.fullmatch(path.stem)
    return Named(subject=match[1], word=match[2], clip=path.stem) if match else None


LAYOUT = corpus("cremad", "1001_DFA_ANG_XX.flv", parse)
