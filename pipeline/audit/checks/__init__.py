"""The checks of `emo audit` beyond the gate; importing this package registers all of them."""

from pipeline.audit.checks import (
    decisions,
    faces,
    images,
    near_duplicates,
    outputs,
    participants,
    recordings,
    records,
    splits,
)
from pipeline.audit.gate import checks as gate

__all__ = [
    "decisions",
    "faces",
    "gate",
    "images",
    "near_duplicates",
    "outputs",
    "participants",
    "recordings",
    "records",
    "splits",
]
