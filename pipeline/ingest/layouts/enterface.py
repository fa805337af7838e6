"""eNTERFACE'05: Martin et al. (2006), doi 10.1109/ICDEW.2006.145; about 44 subjects, six expressions.

    subject N/EXPRESSION/sentence K/sN_CC_K.avi     subject 1/anger/sentence 1/s1_an_1.avi

CC is an di fe ha sa su. File names are irregular (`s_3_an_1.avi`), and some copies have `-` or `_` in place
of spaces. The folders decide; the file name does only if there are no such folders.

The subject is `subject_N`, the clip `subject_N_CC_K`. The names do not state sex.
"""

import re
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import ParsedName, corpus

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


def parse(path: PurePosixPath) -> ParsedName | None:
    """Read one path; return None if it does not match this corpus."""
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
    return ParsedName(subject, WORDS[code], clip=f"{subject}_{code}_{sentence}")


LAYOUT = corpus("enterface", "subject 1/anger/sentence 1/s1_an_1.avi", parse)
