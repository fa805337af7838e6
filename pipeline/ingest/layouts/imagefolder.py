"""One folder per expression, as torchvision's ImageFolder reads it; no subject ids.

    [SPLIT/]EXPRESSION/*     train/happy/0001.png, happy/0001.png

SPLIT is ignored: emo makes its own split. If the subjects are known, use another layout or a manifest: here,
two images of one person count as two subjects. Every image in a folder matches, so that `auto` never chooses
this layout.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Media, ParsedName, corpus


def parse(path: PurePosixPath) -> ParsedName | None:
    """Read one path; return None for an image without a folder."""
    return ParsedName(subject="", word=path.parent.name) if len(path.parts) > 1 else None


LAYOUT = replace(
    corpus("imagefolder", "happy/0001.png or train/happy/0001.png", parse, Media.IMAGES),
    note="if these images are cropped faces, set faces: detector: whole_frame (docs/faces.md)",
    auto=False,
)
