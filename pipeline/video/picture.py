"""Decoded frames -> upright BGR images of one size, as a player shows them."""

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter

from pipeline.video.hdr import is_hdr, tone_mapped
from pipeline.video.orientation import Matrix, is_turned, oriented

_PLANAR = frozenset({"yuv420p", "yuvj420p"})
"""Pixel formats whose planes are scaled before colour conversion, which takes a quarter of the time."""


def upright_extent(extent: tuple[int, int], aspect: float, matrix: Matrix) -> tuple[int, int]:
    """Return the (width, height) of stored frames as shown: upright, with square pixels.

    Args:
        extent: Width and height as stored.
        aspect: Width of a stored pixel divided by its height.
        matrix: How the frames are shown.
    """
    width, height = round(extent[0] * aspect), extent[1]
    return (height, width) if is_turned(matrix) else (width, height)


class Converter:
    """Makes images of the frames of one recording; setting it up takes longer than using it."""

    def __init__(self, max_side: int) -> None:
        self._max_side = max_side
        self._reformatter = VideoReformatter()

    def image(self, frame: VideoFrame, extent: tuple[int, int], matrix: Matrix) -> np.ndarray:
        """Return a frame as shown, (H, W, 3) uint8 BGR.

        Args:
            frame: The frame as decoded, of any size.
            extent: Upright (width, height) of the recording: the image is scaled down from it to the longest
                side allowed.
            matrix: How the frame is shown.
        """
        width, height = extent
        scale = min(1.0, self._max_side / max(width, height))
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        if is_turned(matrix):
            width, height = height, width
        if is_hdr(frame):
            return oriented(
                tone_mapped(self._scaled(frame, width, height, "rgb48le"), frame.color_trc), matrix
            )
        if frame.format.name in _PLANAR and width < frame.width and height < frame.height:
            frame = _shrunk(frame, width, height)
        return oriented(self._scaled(frame, width, height, "bgr24"), matrix)

    def _scaled(self, frame: VideoFrame, width: int, height: int, pixels: str) -> np.ndarray:
        scaled = self._reformatter.reformat(
            frame, width, height, format=pixels, interpolation="AREA", threads=1
        )
        return scaled.to_ndarray()


def _shrunk(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """Return a smaller copy of a 4:2:0 frame: each plane area-averaged, the colour space unchanged."""
    small = VideoFrame(width, height, frame.format.name)
    small.colorspace, small.color_range = frame.colorspace, frame.color_range
    for source, target in zip(frame.planes, small.planes, strict=True):
        size = (target.width, target.height)
        _pixels(target)[:] = cv2.resize(_pixels(source), size, interpolation=cv2.INTER_AREA)
    return small


def _pixels(plane: VideoPlane) -> np.ndarray:
    """Return the pixels of a plane, (height, width) uint8, as a view."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
        : plane.height, : plane.width
    ]
