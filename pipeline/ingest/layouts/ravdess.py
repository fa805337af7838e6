"""RAVDESS: Livingstone & Russo (2018), doi 10.5281/zenodo.1188976; 24 actors, speech and song.

    Actor_NN/MM-VV-EE-II-SS-RR-AA.mp4     Actor_05/01-01-03-01-02-01-05.mp4

MM modality: 01 picture and sound, 02 picture only, 03 sound only. VV: 01 speech, 02 song. EE: the
expression, see below. II intensity, SS statement, RR repetition, AA actor: odd numbers are men.

The subject is `Actor_NN`, the clip has the name of its file. A recording comes with and without sound
(MM 01 and 02): one performance, one take. `calm` is an eighth class.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Named, Skip, corpus

WORDS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad",
    "05": "angry", "06": "fearful", "07": "disgust", "08": "surprised",
}  # fmt: skip

_NAME = re.compile(r"(0[123])-(0[12]-(0[1-8])-0[12]-0[12]-0[12]-(0[1-9]|1\d|2[0-4]))")


def parse(path: PurePosixPath) -> Named | Skip | None:
    """Read one path; None where it is not of this corpus."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    modality, performance, expression, actor = match.groups()
    if modality == "03":
        return Skip("sound only (RAVDESS modality 03)")
    return Named(
        subject=f"Actor_{actor}",
        word=WORDS[expression],
        clip=path.stem,
        take=performance,
        sex="M" if int(actor) % 2 else "F",
    )


LAYOUT = corpus("ravdess", "Actor_05/01-01-03-01-02-01-05.mp4", parse)
