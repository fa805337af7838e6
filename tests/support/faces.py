"""Frames with faces in known places: drawn ones, which the Haar cascades detect, and a real one."""

import cv2
import numpy as np
from matplotlib import cbook

PORTRAIT_FACE = (265, 225, 210)
"""Centre x and y, and width of the real face in `portrait()`, pixels; read from the image by eye."""


def blank(height: int = 240, width: int = 320) -> np.ndarray:
    """Return a grey frame, (height, width) uint8, without a face."""
    return np.full((height, width), 90, np.uint8)


def scene(*faces: tuple[float, float, float]) -> np.ndarray:
    """Return a grey frame, (240, 320) uint8, with a drawn face at every (centre x, centre y, width)."""
    image = blank()
    for x, y, width in faces:
        _draw_face(image, (x, y), width)
    return image


def portrait() -> np.ndarray:
    """Return a photo of Grace Hopper, (600, 512, 3) uint8 BGR; public domain, a part of Matplotlib."""
    return cv2.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)), cv2.IMREAD_COLOR)


def portrait_scene(centre_x: float, gain: float = 1.0) -> np.ndarray:
    """Return a frame, (300, 640, 3) uint8 BGR, with the portrait at half its size on a plain background.

    Args:
        centre_x: Centre of the face, pixels.
        gain: Factor of the brightness.
    """
    half = cv2.resize(portrait(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    frame = np.full((300, 640, 3), 110, np.uint8)
    left = round(centre_x - PORTRAIT_FACE[0] / 2)
    frame[:, left : left + half.shape[1]] = half
    return np.round(frame * gain).astype(np.uint8)


def _draw_face(image: np.ndarray, centre: tuple[float, float], width: float) -> None:
    def oval(at: tuple[float, float], axes: tuple[float, float], grey: int) -> None:
        middle = (round(centre[0] + at[0] * width), round(centre[1] + at[1] * width))
        cv2.ellipse(image, middle, (round(axes[0] * width), round(axes[1] * width)), 0, 0, 360, grey, -1)

    oval((0, 0), (0.5, 0.65), 190)
    for side in (-1, 1):
        oval((side * 0.2, -0.13), (0.12, 0.05), 50)  # eye
        oval((side * 0.2, -0.26), (0.14, 0.025), 70)  # brow
    oval((0, 0.05), (0.05, 0.16), 205)  # nose
    oval((0, 0.14), (0.09, 0.03), 140)
    oval((0, 0.34), (0.18, 0.05), 80)  # mouth
    image[:] = cv2.GaussianBlur(image, (5, 5), 1)
