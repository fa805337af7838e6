"""eNTERFACE'05: Martin et al. (2006), doi 10.1109/ICDEW.2006.145; some 44 people, six expressions.

    subject N/EXPRESSION/sentence K/sN_CC_K.avi     subject 1/anger/sentence 1/s1_an_1.avi

CC is an di fe ha sa su. File names are irregular (`s_3_an_1.avi`), and copies have `-` or `_` for the
spaces; where the folders are there, they decide, and the file's name only without them.

The subject is `subject_N`, the clip `subject_N_CC_K`. The names tell no sex.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Named, corpus

WORDS = {
    "an": "anger", "di": "disgust", "fe": "fear", "ha": "happiness", "sa": "sadness", "su": "surprise",
}  # fmt: skip

_FILE = re.compile(r"s_?(?P<subject>\d\d?)_(?P<code>an|di|fe|ha|sa|su)_?(?P<sentence>\d)", re.IGNORECASE)
_FOLDERS = re.compile(
    r"(?:.*/)?subject[ _-](?P<subject>\d\d?)/"
    r"(?P<word>anger|disgust|fear|happiness|sadness|surprise)/"
    r"(?:sentence[ _-](?P<sentence>\d)/)?(?P<file>[^/]+)",
    re.IGNORECASE,
)


def parse(path: PurePosixPath) -> Named | None:
    """Read one path; None where it is not of this corpus."""
    folders = _FOLDERS.fullmatch(path.with_suffix("").as_posix())
    file = _FILE.fullmatch(path.stem)
    sentence = (folders and folders["sentence"]) or (file and file["sentence"])
    if not sentence:
        return None
    if folders:
        number, code = int(folders["subject"]), folders["word"][:2].lower()
    elif file:
        number, code = int(file["subject"]), file["code"].lower()
    subject = f"subject_{number}"
    return Named(subject, WORDS[code], clip=f"{subject}_{code}_{sentence}")


LAYOUT = corpus("enterface", "subject 1/anger/sentence 1/s1_an_1.avi", parse)
