"""RAVDESS: Livingstone & Russo (2018), doi 10.5281/zenodo.1188976; 24 actors, speech and song.

    Actor_NN/MM-VV-EE-II-SS-RR-AA.mp4     Actor_05/01-01-03-01-02-01-05.mp4

MM modality: 01 video with sound, 02 video only, 03 sound only. VV: 01 speech, 02 song. EE: expression, see
WORDS. II intensity, SS statement, RR repetition, AA actor: odd numbers are male.

The subject is `Actor_NN`, the clip has the name of its file. Versions with and without sound (MM 01 and 02)
are one performance: they share a take. `calm` is an eighth class.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import ParsedName, SkippedFile, corpus

WORDS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad",
    "05": "angry", "06": "fearful", "07": "disgust", "08": "surprised",
}  # fmt: skip

_NAME = re.compile(r"(0[123])-(0[12]-(0[1-8])-0[12]-0[12]-0[12]-(0[1-9]|1\d|2[0-4]))")


def parse(path: PurePosixPath) -> ParsedName | SkippedFile | None:
    """Read one path; return None if it does not match this corpus."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    modality, performance, expression, actor = match.groups()
    if modality == "03":
        return SkippedFile("sound only (RAVDESS modality 03)")
    return ParsedName(
        subject=f"Actor_{actor}",
        word=WORDS[expression],
        clip=path.stem,
        take=performance,
        sex="M" if int(actor) % 2 else "F",
    )


LAYOUT = corpus("ravdess", "Actor_05/01-01-03-01-02-01-05.mp4", parse)
