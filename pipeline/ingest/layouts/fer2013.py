"""FER2013: Goodfellow et al. (2013), arXiv 1307.0414; 35,887 faces from the web, cropped to 48x48, grey.

    SET/EXPRESSION/USAGE_N.jpg     train/angry/Training_3908.jpg

or one CSV with the columns emotion, pixels, Usage, which `fer2013_csv` unpacks to such names. USAGE Training,
PublicTest or PrivateTest; EXPRESSION angry disgust fear happy neutral sad surprise.

There are no subjects. The corpus's own sets are not kept, as they share near-duplicates; the column `source`
of raw/clips.csv tells them.
"""

import re
from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Media, Named, corpus

_FILE = re.compile(r"(Training|PublicTest|PrivateTest)_\d+")


def parse(path: PurePosixPath) -> Named | None:
    """Read one path; None where it is not of this corpus."""
    if len(path.parts) < 2 or not _FILE.fullmatch(path.stem):
        return None
    return Named(subject="", word=path.parent.name)


LAYOUT = replace(
    corpus("fer2013", "train/angry/Training_3908.jpg, or one CSV", parse, Media.PICTURES),
    note="FER2013's pictures are faces, cropped already: set faces: detector: none (docs/faces.md)",
)
