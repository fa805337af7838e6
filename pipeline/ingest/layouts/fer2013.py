"""FER2013: Goodfellow et al. (2013), arXiv 1307.0414; 35,887 cropped faces from the web, 48x48, grey.

    SET/EXPRESSION/USAGE_N.jpg     train/angry/Training_3908.jpg

or one CSV with the columns emotion, pixels, Usage, which `fer2013_csv` unpacks to such names. USAGE Training,
PublicTest or PrivateTest; EXPRESSION angry disgust fear happy neutral sad surprise.

There are no subject ids. The corpus's own split is not kept, because its sets share near-duplicates; the
column `source` of raw/clips.csv records it.
"""

import re
from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Media, ParsedName, corpus

_FILE = re.compile(r"(Training|PublicTest|PrivateTest)_\d+")


def parse(path: PurePosixPath) -> ParsedName | None:
    """Read one path; return None if it does not match this corpus."""
    if len(path.parts) < 2 or not _FILE.fullmatch(path.stem):
        return None
    return ParsedName(subject="", word=path.parent.name)


LAYOUT = replace(
    corpus("fer2013", "train/angry/Training_3908.jpg, or one CSV", parse, Media.IMAGES),
    note="FER2013 consists of cropped faces: set faces: detector: whole_frame (docs/faces.md)",
)
