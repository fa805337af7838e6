"""MediaPipe Face Detection (BlazeFace, Bazarevsky et al. 2019), with the model included in its wheel.

    python benchmarks/peers/mediapipe_tool.py OUT_FOLDER VIDEO [VIDEO ...]

Follows the video example of its documentation (docs/solutions/face_detection.md): `model_selection=0`, the
model for faces within two metres, `min_detection_confidence=0.5`, frames from cv2.VideoCapture made RGB and
marked as not writeable. Every face found is cropped by its bounding box. 0.10.21 is the last version with
this interface; later ones include no model and need one downloaded.
"""

from pathlib import Path
from typing import Any

import cv2
import mediapipe as mp
import numpy as np
from _peer import Box, cut, run, sampled, write

DETECTOR = mp.solutions.face_detection.FaceDetection(model_selection=0, min_detection_confidence=0.5)


def work(video: Path, folder: Path) -> tuple[int, int]:
    """Write the crops of the faces in every sampled frame; return the numbers of frames and crops."""
    frames = faces = 0
    for number, frame in enumerate(sampled(video)):
        crops = [cut(frame, box) for box in found(frame)]
        faces += write([cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) for crop in crops], folder, number)
        frames += 1
    return frames, faces


def found(frame: np.ndarray) -> list[Box]:
    """Return the boxes of the faces in a frame, (H, W, 3) uint8 BGR."""
    rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    rgb.flags.writeable = False
    detections = DETECTOR.process(rgb).detections or ()
    return [in_pixels(detection.location_data.relative_bounding_box, frame) for detection in detections]


def in_pixels(box: Any, frame: np.ndarray) -> Box:
    """Return in pixels a box that MediaPipe gives as shares of the sides of the frame."""
    height, width = frame.shape[:2]
    x, y = round(box.xmin * width), round(box.ymin * height)
    return x, y, round(box.width * width), round(box.height * height)


if __name__ == "__main__":
    run(work, ("mediapipe", "opencv-contrib-python", "numpy"))
