"""Face crops: cutting, sharpness, contrast and denoising."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.runtime.image_codec import as_grey
from pipeline.runtime.params import check_choice, check_range

COLOURS = ("grey", "colour")
CONTRASTS = ("none", "histogram", "clahe")
DENOISERS = ("none", "median", "bilateral", "nlmeans")


@dataclass(frozen=True)
class Crop:
    """How a face is cut out and treated."""

    margin: float
    "added on each side, as a fraction of the face's side"
    side_px: int
    "side of the square crop, pixels"
    colour: str
    "grey or colour"
    contrast: str
    "none, histogram (equalised) or clahe (Zuiderveld 1994)"
    denoise: str
    "none, median, bilateral or nlmeans (Buades et al. 2005)"
    min_sharpness: float
    "less than this is `blurred`; 0 keeps all"

    def __post_init__(self) -> None:
        check_range("margin", self.margin, 0, 2)
        check_range("side_px", self.side_px, 16, 1024)
        check_choice("colour", self.colour, COLOURS)
        check_choice("contrast", self.contrast, CONTRASTS)
        check_choice("denoise", self.denoise, DENOISERS)
        check_range("min_sharpness", self.min_sharpness, 0, 1e6)


def cut_square(picture: np.ndarray, box: tuple[float, float, float, float], crop: Crop) -> np.ndarray:
    """Cut the square around a box (x, y, w, h, pixels) out of a picture, scaled to `side_px`.

    (H, W[, 3]) uint8 -> (side_px, side_px[, 3]) uint8. Beyond the picture's edge its last pixels are
    repeated.
    """
    x, y, w, h = box
    side = max(1, round(max(w, h) * (1 + 2 * crop.margin)))
    left, top = round(x + w / 2 - side / 2), round(y + h / 2 - side / 2)
    height, width = picture.shape[:2]
    if 0 <= top <= height - side and 0 <= left <= width - side:
        cut = picture[top : top + side, left : left + side]
    else:
        rows = np.arange(top, top + side).clip(0, height - 1)
        columns = np.arange(left, left + side).clip(0, width - 1)
        cut = picture[rows[:, None], columns]
    shrinks = side > crop.side_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(cut, (crop.side_px, crop.side_px), interpolation=method)


def sharpness(picture: np.ndarray) -> float:
    """Return the variance of the Laplacian of a crop (Pech-Pacheco et al. 2000), grey levels squared.

    Comparable between crops of one side only: measure before contrast and denoising.
    """
    return float(cv2.Laplacian(as_grey(picture), cv2.CV_64F).var())


def treat(picture: np.ndarray, crop: Crop) -> np.ndarray:
    """Return the crop denoised, then with its contrast changed, as the settings say."""
    return _with_contrast(_denoised(picture, crop.denoise), crop.contrast)


def _denoised(picture: np.ndarray, method: str) -> np.ndarray:
    if method == "median":
        return cv2.medianBlur(picture, 3)
    if method == "bilateral":
        return cv2.bilateralFilter(picture, 5, 30, 3)
    if method == "nlmeans":
        colour = picture.ndim == 3
        return (cv2.fastNlMeansDenoisingColored if colour else cv2.fastNlMeansDenoising)(picture)
    return picture


def _with_contrast(picture: np.ndarray, method: str) -> np.ndarray:
    if method == "none":
        return picture
    if picture.ndim == 3:  # change lightness alone, leave the hue
        lab = cv2.cvtColor(picture, cv2.COLOR_BGR2LAB)
        lab[:, :, 0] = _with_contrast(lab[:, :, 0], method)
        return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)
    if method == "histogram":
        return cv2.equalizeHist(picture)
    return cv2.createCLAHE(clipLimit=2.0, tileGridSize=(4, 4)).apply(picture)
