"""The usual script: all frames through cv2.VideoCapture, JPEGs in a folder, one cascade.

    python benchmarks/peers/usual.py OUT_FOLDER VIDEO [VIDEO ...]

Every frame is read in turn; every fifth (25 fps -> 5 fps, by the frame counter) is written as a JPEG.
Then the JPEGs are read, converted to grey, and searched whole with
`haarcascade_frontalface_default.detectMultiScale(grey, 1.3, 5)`: the call of OpenCV's own tutorial
("Cascade Classifier", OpenCV-Python up to 3.4) and of many scripts since. Every face is cropped, scaled to
64x64 and written as PNG. One process, OpenCV's default threads. Runs in emo's environment (OpenCV below 5).
"""

from itertools import count
from pathlib import Path

import cv2
import cv2.data
from _peer import cut, interval, run, write

CASCADE = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))


def work(video: Path, folder: Path) -> tuple[int, int]:
    """Write the sampled frames of a recording, then the crops of the faces in them; return both numbers."""
    frames = extracted(video, folder / "frames")
    return len(frames), sum(cropped(frame, folder) for frame in frames)


def extracted(video: Path, folder: Path) -> list[Path]:
    """Write every fifth frame of a recording as a JPEG."""
    folder.mkdir(exist_ok=True)
    capture, written = cv2.VideoCapture(str(video)), []
    every = interval(capture)
    for number in count():
        ok, frame = capture.read()
        if not ok:
            break
        if number % every == 0:
            written.append(folder / f"{number:05d}.jpg")
            cv2.imwrite(str(written[-1]), frame)
    capture.release()
    return written


def cropped(frame: Path, folder: Path) -> int:
    """Write the crops of the faces in one frame; return their number."""
    grey = cv2.cvtColor(cv2.imread(str(frame)), cv2.COLOR_BGR2GRAY)  # type: ignore[arg-type]  # None raises
    boxes = [(int(x), int(y), int(w), int(h)) for x, y, w, h in CASCADE.detectMultiScale(grey, 1.3, 5)]
    return write([cut(grey, box) for box in boxes], folder, int(frame.stem))


if __name__ == "__main__":
    run(work, ("opencv-python-headless", "numpy"))
