"""dlib's frontal face detector (HOG and a linear classifier, King 2015), which is part of the library.

    python benchmarks/peers/dlib_tool.py OUT_FOLDER VIDEO [VIDEO ...]

Follows dlib's example face_detector.py, except for the upsampling: the example enlarges images twice to find
faces below 80 pixels, which takes four times as long; here faces are larger, so there is no upsampling, and
the frame is grey, as is usual with videos (`detector(grey, 0)`). Every face found is cropped by its
rectangle.
"""

from pathlib import Path

import cv2
import dlib
from _peer import cut, run, sampled, write

DETECTOR = dlib.get_frontal_face_detector()


def work(video: Path, folder: Path) -> tuple[int, int]:
    """Write the crops of the faces in every sampled frame; return the numbers of frames and crops."""
    frames = faces = 0
    for number, frame in enumerate(sampled(video)):
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        boxes = [(r.left(), r.top(), r.width(), r.height()) for r in DETECTOR(grey, 0)]
        faces += write([cut(grey, box) for box in boxes], folder, number)
        frames += 1
    return frames, faces


if __name__ == "__main__":
    run(work, ("dlib-bin", "opencv-python-headless", "numpy"))
