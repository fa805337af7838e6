"""Shared by the programs of the peers: sampling frames, cropping faces, timing, the line of JSON.

Needs only Python, OpenCV and numpy, not emo: the peers have an environment of their own.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from itertools import count
from pathlib import Path

import cv2
import numpy as np

FPS = 5
SIDE_PX = 64

Box = tuple[int, int, int, int]
"x, y, width, height in pixels"
Work = Callable[[Path, Path], tuple[int, int]]
"recording, folder for its crops -> sampled frames, crops written"


def run(work: Work, packages: Sequence[str]) -> None:
    """Do the work for every recording on the command line; print one line of JSON.

    Only the work is timed: libraries are imported and models loaded before.
    """
    options = _options()
    wall, processor = time.perf_counter(), _processor_s()
    counts = [work(video, _folder(options.folder, video)) for video in options.videos]
    seconds, cpu_seconds = time.perf_counter() - wall, _processor_s() - processor
    result = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "videos": len(counts),
        "frames": sum(frames for frames, _ in counts),
        "faces": sum(faces for _, faces in counts),
        "versions": {name: version(name) for name in packages},
    }
    print(json.dumps(result))


def sampled(video: Path) -> Iterator[np.ndarray]:
    """Yield frames of a recording at 5 fps, (H, W, 3) uint8 BGR, by the frame counter: every fifth of 25 fps.

    The frames in between are decoded (`grab`) but not converted to BGR: the cheapest way that OpenCV offers.
    """
    capture = cv2.VideoCapture(str(video))
    every = interval(capture)
    for number in count():
        if not capture.grab():
            break
        if number % every == 0:
            yield capture.retrieve()[1]
    capture.release()


def interval(capture: cv2.VideoCapture) -> int:
    """Return the number of frames from one sampled frame to the next, for 5 fps."""
    return max(1, round(capture.get(cv2.CAP_PROP_FPS) / FPS))


def cut(frame: np.ndarray, box: Box) -> np.ndarray:
    """Return the part of a frame inside a box, cut at its edges, as (64, 64[, 3]) uint8."""
    x, y, width, height = box
    part = frame[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    return cv2.resize(part, (SIDE_PX, SIDE_PX))


def write(crops: Sequence[np.ndarray], folder: Path, number: int) -> int:
    """Write the crops of one frame as PNG; return their number."""
    for face, crop in enumerate(crops):
        cv2.imwrite(str(folder / f"{number:05d}_{face}.png"), crop)
    return len(crops)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="for the crops: one folder per recording")
    parser.add_argument("videos", type=Path, nargs="+", help="recordings")
    return parser.parse_args()


def _folder(root: Path, video: Path) -> Path:
    """Make the folder for the crops of a recording: `S01/angry.mp4` -> `<root>/S01/angry`."""
    made = root / video.parent.name / video.stem
    made.mkdir(parents=True, exist_ok=True)
    return made


def _processor_s() -> float:
    """Return the processor seconds of all threads of this process, and of its children that have ended."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system
