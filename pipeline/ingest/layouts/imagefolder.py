"""Folders of classes, as torchvision's ImageFolder reads them; no subjects.

    [SPLIT/]EXPRESSION/*     train/happy/0001.png, happy/0001.png

SPLIT is passed over: emo makes its own. Where people are known, another layout or a manifest must tell them:
here two pictures of one person count as two.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Media, Named, corpus


def parse(path: PurePosixPath) -> Named | None:
    """Read one path; None for a picture that lies in no folder."""
    return Named(subject="", word=path.parent.name) if len(path.parts) > 1 else None


LAYOUT = replace(
    corpus("imagefolder", "happy/0001.png or train/happy/0001.png", parse, Media.PICTURES),
    note="if these pictures are faces, cropped already, set faces: detector: none (docs/faces.md)",
)
