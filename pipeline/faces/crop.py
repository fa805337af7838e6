"""Face crops: cutting, sharpness, contrast and noise filtering."""

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np

from pipeline.runtime.image_codec import as_grey
from pipeline.runtime.params import Checked, OneOf, Within

COLOURS = ("grey", "colour")
CONTRASTS = ("none", "histogram", "clahe")
DENOISERS = ("none", "median", "bilateral", "nlmeans")


@dataclass(frozen=True)
class Crop(Checked):
    """How a face is cropped and enhanced."""

    margin: Annotated[float, Within(0, 2)]
    "Added on each side, as a fraction of the side of the face."
    side_px: Annotated[int, Within(16, 1024)]
    "Side of the square crop, pixels."
    colour: Annotated[str, OneOf(tuple(COLOURS))]
    "Whether crops are grey or in colour."
    contrast: Annotated[str, OneOf(tuple(CONTRASTS))]
    "Contrast enhancement: none, histogram equalisation or CLAHE (Zuiderveld 1994)."
    denoise: Annotated[str, OneOf(tuple(DENOISERS))]
    "Noise filter: none, median, bilateral or non-local means (Buades et al. 2005)."
    min_sharpness: Annotated[float, Within(0, 1e6)]
    "Crops that are less sharp have the status `blurred`; 0 keeps all."


def cut_square(frame: np.ndarray, box: tuple[float, float, float, float], crop: Crop) -> np.ndarray:
    """Cut the square around a box (x, y, w, h, pixels) out of a frame and scale it to `side_px`.

    (H, W[, 3]) uint8 -> (side_px, side_px[, 3]) uint8. Pixels at the edge of the
    frame are repeated beyond it.
    """
    x, y, w, h = box
    side = max(1, round(max(w, h) * (1 + 2 * crop.margin)))
    left, top = round(x + w / 2 - side / 2), round(y + h / 2 - side / 2)
    height, width = frame.shape[:2]
    if 0 <= top <= height - side and 0 <= left <= width - side:
        cut = frame[top : top + side, left : left + side]
    else:
        rows = np.arange(top, top + side).clip(0, height - 1)
        columns = np.arange(left, left + side).clip(0, width - 1)
        cut = frame[rows[:, None], columns]
    shrinks = side > crop.side_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(cut, (crop.side_px, crop.side_px), interpolation=method)


def sharpness(face: np.ndarray) -> float:
    """Return the variance of the Laplacian of a crop (Pech-Pacheco et al. 2000), grey levels squared.

    Comparable only between crops of the same side. Measure it before `enhance`.
    """
    return float(cv2.Laplacian(as_grey(face), cv2.CV_64F).var())


def enhance(face: np.ndarray, crop: Crop) -> np.ndarray:
    """Apply the noise filter, then the contrast method, of the settings; (H, W[, 3]) uint8 in and out."""
    return _with_contrast(_denoised(face, crop.denoise), crop.contrast)


def _denoised(face: np.ndarray, method: str) -> np.ndarray:
    if method == "median":
        return cv2.medianBlur(face, 3)
    if method == "bilateral":
        return cv2.bilateralFilter(face, 5, 30, 3)
    if method == "nlmeans":
        colour = face.ndim == 3
        return (cv2.fastNlMeansDenoisingColored if colour else cv2.fastNlMeansDenoising)(face)
    return face


def _with_contrast(face: np.ndarray, method: str) -> np.ndarray:
    if method == "none":
        return face
    if face.ndim == 3:  # change the lightness, not the hue
        lab = cv2.cvtColor(face, cv2.COLOR_BGR2LAB)
        lab[:, :, 0] = _with_contrast(lab[:, :, 0], method)
        return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)
    if method == "histogram":
        return cv2.equalizeHist(face)
    return cv2.createCLAHE(clipLimit=2.0, tileGridSize=(4, 4)).apply(face)
