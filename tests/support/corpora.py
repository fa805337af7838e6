"""Tiny image corpora with the file names of the real ones."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pipeline.ingest.fer2013_csv import SIDE_PX


def pixels(seed: int, side: int = SIDE_PX) -> np.ndarray:
    """Return (side, side) uint8: a smooth texture that depends on the seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def write_image(path: Path, seed: int, side: int = SIDE_PX) -> Path:
    """Write an image in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix.lower(), pixels(seed, side))
    assert done
    path.write_bytes(data.tobytes())
    return path


def fer2013_row(emotion: int, seed: int, usage: str = "Training") -> str:
    """Return a row of FER2013's CSV."""
    return f"{emotion},{' '.join(map(str, pixels(seed).ravel()))},{usage}"


def write_fer2013(path: Path, rows: Iterable[str]) -> Path:
    """Write a CSV in the published form of FER2013."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path
